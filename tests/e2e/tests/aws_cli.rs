//! The aws command line, versions 1 and 2: an image made, read, tagged again and deleted with API
//! calls alone, and the errors that scripts look for.
//!
//! Version 1 and version 2 from 2.13 on read `AWS_ENDPOINT_URL`, so `eval "$(wharf env)"` is all
//! they need. Debian's 2.9 is older and takes `--endpoint-url`.

use anyhow::Result;
use wharf_e2e::Host;

/// Version 1, as `pip install awscli` brings it.
const V1: &str = "aws() { command aws \"$@\"; }\n";
/// Version 2, as Debian's package `awscli` brings it.
const V2: &str = "aws() { /usr/bin/aws --endpoint-url $AWS_ENDPOINT_URL \"$@\"; }\n";

/// A host with a server, a layer, a config and the manifest that names them.
fn host_with_an_image() -> Result<Host> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.sh(
        r#"echo ahoy > greeting; tar -czf layer.tgz greeting
        echo '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}' > config.json
        blob() { printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%d}' \
            $2 $(sha256sum $1 | cut -d' ' -f1) $(stat -c %s $1); }
        printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
            "$(blob config.json config.v1+json)" "$(blob layer.tgz layer.v1.tar+gzip)" > manifest.json"#,
    )?;
    Ok(host)
}

fn an_image_through_the_api_alone(aws: &str) -> Result<()> {
    let host = host_with_an_image()?;
    let sh = |script: &str| host.sh(&format!("{aws}{script}"));
    let refuses = |script: &str| host.refuses(&format!("{aws}{script}"));

    let made = sh("aws ecr create-repository --repository-name team/app")?.json()?;
    assert_eq!(
        made["repository"]["repositoryArn"],
        "arn:aws:ecr:us-east-1:000000000000:repository/team/app"
    );
    assert_eq!(
        made["repository"]["repositoryUri"],
        format!("{}/team/app", host.get("REGISTRY")).as_str()
    );

    refuses("aws ecr put-image --repository-name team/app --image-tag 1 --image-manifest file://manifest.json")?
        .says("LayersNotFoundException");
    let upload = r#"
        for file in config.json layer.tgz; do
            id=$(aws ecr initiate-layer-upload --repository-name team/app --query uploadId --output text)
            aws ecr upload-layer-part --repository-name team/app --upload-id $id --part-first-byte 0 \
                --part-last-byte $(($(stat -c %s $file) - 1)) --layer-part-blob fileb://$file
            aws ecr complete-layer-upload --repository-name team/app --upload-id $id \
                --layer-digests sha256:$(sha256sum $file | cut -d' ' -f1)
        done"#;
    sh(upload)?;
    refuses(upload)?.says("LayerAlreadyExistsException");
    sh("aws ecr batch-check-layer-availability --repository-name team/app \
            --layer-digests sha256:$(sha256sum layer.tgz | cut -d' ' -f1)")?
    .says("AVAILABLE");
    sh(
        "aws ecr put-image --repository-name team/app --image-tag 1 --image-manifest file://manifest.json",
    )?;

    // Tagging again is to read the manifest and put it under the new tag, byte for byte.
    sh(r#"manifest="$(aws ecr batch-get-image --repository-name team/app --image-ids imageTag=1 \
            --query 'images[0].imageManifest' --output text)"
        test "$manifest" = "$(cat manifest.json)"
        aws ecr put-image --repository-name team/app --image-tag 2 --image-manifest "$manifest""#)?;
    let images = sh("aws ecr describe-images --repository-name team/app")?.json()?;
    let details = images["imageDetails"].as_array().map_or(0, Vec::len);
    assert_eq!(details, 1, "one image has both tags: {images}");
    let listed = sh("aws ecr list-images --repository-name team/app --page-size 1 \
                        --query 'imageIds[].imageTag' --output text")?;
    let mut tags: Vec<_> = listed.text().split_whitespace().collect();
    tags.sort_unstable();
    assert_eq!(tags, ["1", "2"]);

    sh("url=$(aws ecr get-download-url-for-layer --repository-name team/app --query downloadUrl --output text \
            --layer-digest sha256:$(sha256sum layer.tgz | cut -d' ' -f1))
        curl --fail --silent --show-error --location \"$url\" | cmp - layer.tgz")?;

    sh("aws ecr batch-delete-image --repository-name team/app --image-ids imageTag=1 imageTag=2")?;
    sh("aws ecr delete-repository --repository-name team/app --force")?;
    Ok(())
}

#[test]
fn an_image_through_version_1() -> Result<()> {
    an_image_through_the_api_alone(V1)
}

#[test]
fn an_image_through_version_2() -> Result<()> {
    an_image_through_the_api_alone(V2)
}

#[test]
fn the_password_for_docker() -> Result<()> {
    let mut host = Host::start()?;
    host.wharf()?;
    for aws in [V1, V2] {
        let password = host.sh(&format!("{aws}aws ecr get-login-password"))?;
        assert!(
            !password.text().contains([':', '\n', ' ']),
            "docker could not take {}",
            password.text()
        );
        host.set("PASSWORD", password.text());
        host.sh("curl --fail --silent --user AWS:$PASSWORD http://$REGISTRY/v2/")?;
    }
    // Version 1 alone still has the older command, which prints a command line for docker.
    host.sh("aws ecr get-login --no-include-email")?
        .says("docker login -u AWS -p ")
        .says(&format!("http://{}", host.get("REGISTRY")));
    Ok(())
}

#[test]
fn the_errors_that_scripts_look_for() -> Result<()> {
    let mut host = Host::start()?;
    host.wharf()?;
    host.sh("aws ecr create-repository --repository-name app")?;
    for aws in [V1, V2] {
        let refuses = |script: &str| host.refuses(&format!("{aws}{script}"));
        refuses("aws ecr create-repository --repository-name app")?
            .says("An error occurred (RepositoryAlreadyExistsException) when calling the CreateRepository operation: The repository with name 'app' already exists in the registry with id '000000000000'");
        refuses("aws ecr describe-repositories --repository-names absent")?
            .says("(RepositoryNotFoundException)")
            .says("The repository with name 'absent' does not exist in the registry with id '000000000000'");
        refuses("aws ecr describe-images --repository-name app --image-ids imageTag=none")?
            .says("(ImageNotFoundException)");
        refuses("aws ecr create-repository --repository-name Not_A_Name")?
            .says("(InvalidParameterException)");
        refuses("export AWS_SECRET_ACCESS_KEY=wrong; aws ecr describe-repositories")?
            .says("(InvalidSignatureException)");
        refuses("export AWS_ACCESS_KEY_ID=AKIANOSUCHKEY0000000; aws ecr describe-repositories")?
            .says("(UnrecognizedClientException)");
    }
    Ok(())
}
