//! Tags of repositories, mutability of tags, and the registry with its settings.

use anyhow::{Context as _, Result};
use aws_sdk_ecr::types::{ImageTagMutability, Tag};

use crate::{ACCOUNT, APP, Sdk, refused};

const INVALID: &str = "InvalidParameterException";

pub async fn all(sdk: &Sdk) -> Result<()> {
    tags(sdk).await?;
    mutability(sdk).await?;
    registry(sdk).await
}

async fn tags(sdk: &Sdk) -> Result<()> {
    let client = sdk.client();
    let made = client.create_repository().repository_name(APP).send().await?;
    let arn = made.repository().and_then(|made| made.repository_arn()).context("an ARN")?;
    let tag = Tag::builder().key("team").value("harbour").build()?;
    client.tag_resource().resource_arn(arn).tags(tag.clone()).send().await?;
    let told = client.list_tags_for_resource().resource_arn(arn).send().await?;
    assert_eq!(told.tags(), std::slice::from_ref(&tag));
    client.untag_resource().resource_arn(arn).tag_keys("team").send().await?;
    let told = client.list_tags_for_resource().resource_arn(arn).send().await?;
    assert!(told.tags().is_empty());

    let reserved = Tag::builder().key("aws:x").value("").build()?;
    let told = client.tag_resource().resource_arn(arn).tags(reserved).send().await;
    let error = refused(told, "InvalidTagParameterException", "'aws:x'")?;
    assert!(error.is_invalid_tag_parameter_exception());
    let told = client.list_tags_for_resource().resource_arn("none").send().await;
    assert!(refused(told, INVALID, "'Invalid ARN'")?.is_invalid_parameter_exception());
    let absent = arn.replace(APP, "absent");
    let told = client.untag_resource().resource_arn(absent).tag_keys("team").send().await;
    let error = refused(told, "RepositoryNotFoundException", "'absent' does not exist")?;
    assert!(error.is_repository_not_found_exception());
    Ok(())
}

async fn mutability(sdk: &Sdk) -> Result<()> {
    let client = sdk.with_repository().await?;
    let call = client.put_image_tag_mutability().repository_name(APP);
    let told = call.image_tag_mutability(ImageTagMutability::Immutable).send().await?;
    assert_eq!(told.image_tag_mutability(), Some(&ImageTagMutability::Immutable));
    assert_eq!(told.registry_id(), Some(ACCOUNT));
    let call = client.put_image_tag_mutability().repository_name(APP);
    let told = call.image_tag_mutability(ImageTagMutability::MutableWithExclusion).send().await;
    let sentence = "can't be null when imageTagMutability is set as MUTABLE_WITH_EXCLUSION";
    assert!(refused(told, INVALID, sentence)?.is_invalid_parameter_exception());
    Ok(())
}

async fn registry(sdk: &Sdk) -> Result<()> {
    let client = sdk.client();
    let told = client.describe_registry().send().await?;
    assert_eq!(told.registry_id(), Some(ACCOUNT));
    assert!(told.replication_configuration().is_some_and(|it| it.rules().is_empty()));
    // Nothing of its input could be wrong, but who asks can.
    let told = sdk.stranger().describe_registry().send().await;
    refused(told, "UnrecognizedClientException", "The security token")?;

    let name = "REGISTRY_POLICY_SCOPE";
    client.put_account_setting().name(name).value("V1").send().await?;
    let told = client.get_account_setting().name(name).send().await?;
    assert_eq!((told.name(), told.value()), (Some(name), Some("V1")));
    let told = client.get_account_setting().name("NONE").send().await;
    assert!(refused(told, INVALID, "'name'")?.is_invalid_parameter_exception());
    let told = client.put_account_setting().name(name).value("V9").send().await;
    assert!(refused(told, INVALID, "'value'")?.is_invalid_parameter_exception());
    Ok(())
}
