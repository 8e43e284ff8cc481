//! How answers are printed, how lists are paged, and what `wait` says.

use anyhow::{Context as _, Result};

use crate::{Cli, Version};

/// Three repositories; the first has one image under three tags.
const THREE: &str = r#"
    for name in a b c; do aws ecr create-repository --repository-name three/$name; done
    echo '{}' > empty.json
    id=$(aws ecr initiate-layer-upload --repository-name three/a --query uploadId --output text)
    aws ecr upload-layer-part --repository-name three/a --upload-id $id --part-first-byte 0 \
        --part-last-byte 2 --layer-part-blob fileb://empty.json
    digest=sha256:$(sha256sum empty.json | cut -d' ' -f1)
    aws ecr complete-layer-upload --repository-name three/a --upload-id $id --layer-digests $digest
    blob() { printf '{"mediaType":"%s","digest":"%s","size":3}' $1 $digest; }
    manifest=$(printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' \
        "$(blob application/vnd.oci.image.config.v1+json)" "$(blob application/vnd.oci.image.layer.v1.tar)")
    for tag in 1 2 3; do
        aws ecr put-image --repository-name three/a --image-tag $tag --image-manifest "$manifest"
    done"#;

pub fn formats(cli: &Cli) -> Result<()> {
    cli.sh(THREE)?;
    let names = "aws ecr describe-repositories --query 'repositories[].repositoryName'";
    let text = cli.sh(&format!("{names} --output text"))?;
    assert_eq!(
        text.text().split_whitespace().collect::<Vec<_>>(),
        ["three/a", "three/b", "three/c"]
    );
    let json = cli.sh(&format!("{names} --output json"))?.json()?;
    assert_eq!(json, serde_json::json!(["three/a", "three/b", "three/c"]));
    cli.sh("aws ecr describe-repositories --output table")?
        .says("DescribeRepositories")
        .says("|  repositoryName")
        .says("|  three/b");
    let entries = cli.sh("aws ecr list-images --repository-name three/a --output text")?;
    assert_eq!(entries.text().lines().count(), 3);
    assert!(entries.text().lines().all(|line| line.starts_with("IMAGEIDS\tsha256:")), "{entries}");
    let one = "aws ecr describe-repositories --output text \
        --query 'repositories[?repositoryName==`three/c`] | [0].[imageTagMutability, registryId]'";
    assert_eq!(cli.sh(one)?.text(), "MUTABLE\t000000000000");

    // Version 1 prints times as they come, version 2 as ISO 8601.
    let time =
        cli.sh("aws ecr describe-repositories --query 'repositories[0].createdAt'")?.json()?;
    match cli.version {
        Version::One => assert!(time.is_number(), "{time}"),
        Version::Two => {
            assert!(time.as_str().is_some_and(|time| time.contains('T')), "{time}");
            cli.sh("aws ecr describe-repositories --output yaml")?
                .says("  repositoryName: three/a");
        }
    }
    Ok(())
}

pub fn pages(cli: &Cli) -> Result<()> {
    for (list, key) in [
        ("describe-repositories", "repositories[].repositoryName"),
        ("list-images --repository-name three/a", "imageIds[].imageTag"),
    ] {
        let all = |options: &str| {
            let list = format!("aws ecr {list} {options} --query '{key}' --output text");
            let output = cli.sh(&list)?;
            let mut items: Vec<_> = output.text().split_whitespace().map(str::to_owned).collect();
            items.sort_unstable();
            anyhow::Ok(items)
        };
        let whole = all("")?;
        assert_eq!(whole.len(), 3, "{list}: {whole:?}");
        for options in ["--page-size 1", "--page-size 2"] {
            assert_eq!(all(options)?, whole, "{list} {options}");
        }
        assert_eq!(all("--no-paginate --max-results 2")?.len(), 2, "{list}");
        let part = format!("aws ecr {list} --page-size 1 --max-items 2");
        let token = cli.sh(&format!("{part} --query NextToken --output json"))?.json()?;
        let rest = all(&format!("--starting-token {}", token.as_str().context("a token")?))?;
        assert_eq!(rest.len(), 1, "{list}: {rest:?}");
    }
    let images = cli.sh("aws ecr describe-images --repository-name three/a --page-size 1 \
        --query 'imageDetails[].imageTags[]' --output text")?;
    assert_eq!(images.text().split_whitespace().count(), 3);
    cli.refuses("aws ecr describe-repositories --no-paginate --next-token none")?
        .says("Invalid parameter at 'NextToken' failed to satisfy constraint: 'Invalid next token provided'");
    Ok(())
}

/// The operations that `wait` asks again and again are not served yet, and it says so at once.
pub fn waits(cli: &Cli) -> Result<()> {
    let waits = [
        ("image-scan-complete", "DescribeImageScanFindings", "--image-id imageTag=1"),
        ("lifecycle-policy-preview-complete", "GetLifecyclePolicyPreview", ""),
    ];
    for (condition, operation, options) in waits {
        cli.refuses(&format!("aws ecr wait {condition} --repository-name three/a {options}"))?
            .says("(UnknownOperationException)")
            .says(&format!("{operation} is an operation of Amazon ECR that this version of Wharf"));
    }
    Ok(())
}
