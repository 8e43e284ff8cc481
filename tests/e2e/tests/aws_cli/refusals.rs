//! The errors that scripts look for, by their codes and, where users search for them, their
//! sentences.

use anyhow::Result;

use crate::Cli;

/// A digest that nobody pushed.
const ABSENT: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

pub fn all(cli: &Cli) -> Result<()> {
    cli.sh("aws ecr create-repository --repository-name app")?;
    cli.refuses("aws ecr create-repository --repository-name app")?
        .says("An error occurred (RepositoryAlreadyExistsException) when calling the CreateRepository operation: The repository with name 'app' already exists in the registry with id '000000000000'");
    cli.refuses("aws ecr describe-repositories --repository-names absent")?
        .says("(RepositoryNotFoundException)")
        .says("The repository with name 'absent' does not exist in the registry with id '000000000000'");
    cli.refuses("aws ecr describe-images --repository-name app --image-ids imageTag=none")?
        .says("(ImageNotFoundException)");
    cli.refuses("aws ecr create-repository --repository-name Not_A_Name")?
        .says("(InvalidParameterException)");
    let lost =
        format!("aws ecr get-download-url-for-layer --repository-name app --layer-digest {ABSENT}");
    cli.refuses(&lost)?.says("(LayersNotFoundException)");
    missing_repository(cli)?;
    credentials(cli)
}

fn missing_repository(cli: &Cli) -> Result<()> {
    let upload = "--upload-id 00000000-0000-4000-8000-000000000000";
    for command in [
        "batch-check-layer-availability --layer-digests x",
        "batch-delete-image --image-ids imageTag=1",
        "batch-get-image --image-ids imageTag=1",
        "delete-repository",
        "initiate-layer-upload",
        "list-images",
        "put-image-tag-mutability --image-tag-mutability MUTABLE",
        &format!("complete-layer-upload {upload} --layer-digests {ABSENT}"),
        &format!(
            "upload-layer-part {upload} --part-first-byte 0 --part-last-byte 0 \
             --layer-part-blob fileb://empty.json"
        ),
    ] {
        cli.refuses(&format!("aws ecr {command} --repository-name absent"))?
            .says("(RepositoryNotFoundException)");
    }
    Ok(())
}

fn credentials(cli: &Cli) -> Result<()> {
    cli.refuses("export AWS_SECRET_ACCESS_KEY=wrong; aws ecr describe-repositories")?
        .says("(InvalidSignatureException)");
    cli.refuses("export AWS_ACCESS_KEY_ID=AKIANOSUCHKEY0000000; aws ecr describe-repositories")?
        .says("(UnrecognizedClientException)");
    Ok(())
}
