//! Tags of repositories, mutability of tags, referrers, and the registry with its settings.

use anyhow::Result;

use crate::{Cli, Version};

const ARN: &str = "arn:aws:ecr:us-east-1:000000000000:repository/three/a";

pub fn all(cli: &Cli) -> Result<()> {
    tags(cli)?;
    mutability(cli)?;
    let registry = cli.sh("aws ecr describe-registry")?.json()?;
    assert_eq!(registry["registryId"], "000000000000");
    assert_eq!(registry["replicationConfiguration"]["rules"], serde_json::json!([]));
    // Nothing of its input could be wrong, but who asks can.
    cli.refuses("export AWS_SECRET_ACCESS_KEY=wrong; aws ecr describe-registry")?
        .says("(InvalidSignatureException)");
    // Debian's is older than these operations.
    if cli.version == Version::One {
        settings(cli)?;
        referrers(cli)?;
    }
    Ok(())
}

fn tags(cli: &Cli) -> Result<()> {
    let list = format!(
        "aws ecr list-tags-for-resource --resource-arn {ARN} --output text --query 'tags[].[Key,Value]'"
    );
    cli.sh(&format!(
        "aws ecr tag-resource --resource-arn {ARN} --tags Key=team,Value=one Key=b,Value="
    ))?;
    assert_eq!(cli.sh(&list)?.text(), "b\t\nteam\tone");
    cli.sh(&format!("aws ecr untag-resource --resource-arn {ARN} --tag-keys b never-set"))?;
    assert_eq!(cli.sh(&list)?.text(), "team\tone");
    cli.refuses(&format!("aws ecr tag-resource --resource-arn {ARN} --tags Key=aws:x,Value="))?
        .says("(InvalidTagParameterException)");
    cli.refuses("aws ecr list-tags-for-resource --resource-arn none")?
        .says("(InvalidParameterException)")
        .says("'Invalid ARN'");
    cli.refuses(&format!("aws ecr untag-resource --resource-arn {ARN}x --tag-keys b"))?
        .says("(RepositoryNotFoundException)");
    Ok(())
}

fn mutability(cli: &Cli) -> Result<()> {
    let put = "aws ecr put-image-tag-mutability --repository-name three/a --image-tag-mutability";
    cli.sh(&format!("{put} IMMUTABLE"))?.says("IMMUTABLE");
    cli.refuses(
        r#"manifest="$(aws ecr batch-get-image --repository-name three/a --image-ids imageTag=1 \
            --query 'images[0].imageManifest' --output text)"
        aws ecr put-image --repository-name three/a --image-tag 1 --image-manifest "$manifest""#,
    )?
    .says("(ImageTagAlreadyExistsException)");
    cli.refuses(&format!("{put} SOMETIMES"))?.says("(InvalidParameterException)");
    if cli.version == Version::One {
        cli.sh(&format!(
            "{put} MUTABLE_WITH_EXCLUSION \
             --image-tag-mutability-exclusion-filters filterType=WILDCARD,filter='v*'"
        ))?
        .says("v*");
    }
    cli.sh(&format!("{put} MUTABLE"))?;
    Ok(())
}

fn settings(cli: &Cli) -> Result<()> {
    let get = "aws ecr get-account-setting --output text --query value --name";
    for (name, value) in [("BLOB_MOUNTING", "DISABLED"), ("REGISTRY_POLICY_SCOPE", "V1")] {
        cli.sh(&format!("aws ecr put-account-setting --name {name} --value {value}"))?;
        assert_eq!(cli.sh(&format!("{get} {name}"))?.text(), value);
    }
    cli.refuses(&format!("{get} NONE"))?.says("(InvalidParameterException)");
    cli.refuses("aws ecr put-account-setting --name BLOB_MOUNTING --value PERHAPS")?
        .says("(InvalidParameterException)");
    Ok(())
}

fn referrers(cli: &Cli) -> Result<()> {
    cli.sh(r#"manifest="$(aws ecr batch-get-image --repository-name three/a --image-ids imageTag=1 \
            --query 'images[0].imageManifest' --output text)"
        digest=sha256:$(printf %s "$manifest" | sha256sum | cut -d' ' -f1)
        about=$(printf '%s,"artifactType":"application/vnd.example.note","subject":{"mediaType":"%s","digest":"%s","size":%d}}' \
            "${manifest%\}}" application/vnd.oci.image.manifest.v1+json $digest ${#manifest})
        aws ecr put-image --repository-name three/a --image-manifest "$about"
        aws ecr list-image-referrers --repository-name three/a --subject-id imageDigest=$digest"#)?
    .says("application/vnd.example.note");
    cli.refuses(
        "aws ecr list-image-referrers --repository-name absent --subject-id imageDigest=sha256:aa",
    )?
    .says("Exception)");
    Ok(())
}
