//! An image made, read, tagged again and deleted with API calls alone; and the password for docker.

use anyhow::Result;

use crate::{Cli, Version};

/// A layer, a config and the manifest that names them.
const FILES: &str = r#"echo ahoy > greeting; tar -czf layer.tgz greeting
    echo '{"architecture":"amd64","os":"linux","config":{},"rootfs":{"type":"layers","diff_ids":[]}}' > config.json
    blob() { printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%d}' \
        $2 $(sha256sum $1 | cut -d' ' -f1) $(stat -c %s $1); }
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
        "$(blob config.json config.v1+json)" "$(blob layer.tgz layer.v1.tar+gzip)" > manifest.json"#;

/// Brings config and layer, each in one part.
const UPLOAD: &str = r#"
    for file in config.json layer.tgz; do
        id=$(aws ecr initiate-layer-upload --repository-name team/app --query uploadId --output text)
        aws ecr upload-layer-part --repository-name team/app --upload-id $id --part-first-byte 0 \
            --part-last-byte $(($(stat -c %s $file) - 1)) --layer-part-blob fileb://$file
        aws ecr complete-layer-upload --repository-name team/app --upload-id $id \
            --layer-digests sha256:$(sha256sum $file | cut -d' ' -f1)
    done"#;

pub fn by_api_alone(cli: &Cli) -> Result<()> {
    cli.host.sh(FILES)?;
    let made = cli.sh("aws ecr create-repository --repository-name team/app")?.json()?;
    assert_eq!(
        made["repository"]["repositoryArn"],
        "arn:aws:ecr:us-east-1:000000000000:repository/team/app"
    );
    assert_eq!(
        made["repository"]["repositoryUri"],
        format!("{}/team/app", cli.host.get("REGISTRY")).as_str()
    );

    cli.refuses("aws ecr put-image --repository-name team/app --image-tag 1 --image-manifest file://manifest.json")?
        .says("LayersNotFoundException");
    cli.sh(UPLOAD)?;
    cli.refuses(UPLOAD)?.says("LayerAlreadyExistsException");
    cli.sh("aws ecr batch-check-layer-availability --repository-name team/app \
            --layer-digests sha256:$(sha256sum layer.tgz | cut -d' ' -f1)")?
        .says("AVAILABLE");
    cli.sh("aws ecr put-image --repository-name team/app --image-tag 1 --image-manifest file://manifest.json")?;

    // Tagging again is to read the manifest and put it under the new tag, byte for byte.
    cli.sh(
        r#"manifest="$(aws ecr batch-get-image --repository-name team/app --image-ids imageTag=1 \
            --query 'images[0].imageManifest' --output text)"
        test "$manifest" = "$(cat manifest.json)"
        aws ecr put-image --repository-name team/app --image-tag 2 --image-manifest "$manifest""#,
    )?;
    let images = cli.sh("aws ecr describe-images --repository-name team/app")?.json()?;
    let details = images["imageDetails"].as_array().map_or(0, Vec::len);
    assert_eq!(details, 1, "one image has both tags: {images}");

    cli.sh("url=$(aws ecr get-download-url-for-layer --repository-name team/app --query downloadUrl --output text \
            --layer-digest sha256:$(sha256sum layer.tgz | cut -d' ' -f1))
        curl --fail --silent --show-error --location \"$url\" | cmp - layer.tgz")?;

    cli.sh(
        "aws ecr batch-delete-image --repository-name team/app --image-ids imageTag=1 imageTag=2",
    )?;
    cli.sh("aws ecr delete-repository --repository-name team/app --force")?;
    Ok(())
}

pub fn passwords(cli: &Cli) -> Result<()> {
    let log_in = r#"curl --fail --silent --user "$credentials" http://$REGISTRY/v2/"#;
    let password = cli.sh("aws ecr get-login-password")?;
    assert!(
        !password.text().contains([':', '\n', ' ']),
        "docker could not take {}",
        password.text()
    );
    cli.sh(&format!("credentials=AWS:{}\n{log_in}", password.text()))?;
    cli.sh(&format!(
        "token=$(aws ecr get-authorization-token --output text \
            --query 'authorizationData[0].authorizationToken')
        credentials=$(echo $token | base64 --decode)\n{log_in}"
    ))?;
    cli.refuses("aws ecr get-authorization-token --registry-ids 1")?
        .says("(InvalidParameterException)");
    if cli.version == Version::One {
        // Version 1 alone still has the older command, which prints a command line for docker.
        cli.sh("aws ecr get-login --no-include-email")?
            .says("docker login -u AWS -p ")
            .says(&format!("http://{}", cli.host.get("REGISTRY")));
    }
    Ok(())
}
