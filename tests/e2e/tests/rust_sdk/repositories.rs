//! Repositories, and the token.

use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_ecr::types::{
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability,
    ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType, Tag,
};

use crate::{ACCOUNT, APP, Sdk, recent, refused};

pub async fn all(sdk: &Sdk) -> Result<()> {
    made_described_and_deleted(sdk).await?;
    refusals(sdk).await?;
    pages(sdk).await?;
    token(sdk).await
}

async fn made_described_and_deleted(sdk: &Sdk) -> Result<()> {
    let client = sdk.client();
    let filter = ImageTagMutabilityExclusionFilter::builder()
        .filter_type(ImageTagMutabilityExclusionFilterType::Wildcard)
        .filter("dev-*")
        .build()?;
    let encryption = EncryptionConfiguration::builder()
        .encryption_type(EncryptionType::Kms)
        .kms_key("alias/mine")
        .build()?;
    let made = client
        .create_repository()
        .repository_name(APP)
        .tags(Tag::builder().key("team").value("harbour").build()?)
        .image_tag_mutability(ImageTagMutability::ImmutableWithExclusion)
        .image_tag_mutability_exclusion_filters(filter.clone())
        .image_scanning_configuration(
            ImageScanningConfiguration::builder().scan_on_push(true).build(),
        )
        .encryption_configuration(encryption)
        .send()
        .await?;
    let made = made.repository().context("a repository")?;
    recent(made.created_at())?;
    assert_eq!(made.registry_id(), Some(ACCOUNT));
    assert_eq!(made.image_tag_mutability(), Some(&ImageTagMutability::ImmutableWithExclusion));
    assert_eq!(made.image_tag_mutability_exclusion_filters(), [filter]);
    assert!(made.image_scanning_configuration().is_some_and(|scanning| scanning.scan_on_push()));
    let encryption = made.encryption_configuration().context("an encryption")?;
    assert_eq!(encryption.encryption_type(), &EncryptionType::Kms);
    assert!(encryption.kms_key().is_some_and(|key| key.ends_with(":alias/mine")));

    let found = client.describe_repositories().repository_names(APP).send().await?;
    assert_eq!(found.repositories(), std::slice::from_ref(made));
    let gone = client.delete_repository().repository_name(APP).send().await?;
    assert_eq!(gone.repository(), Some(made));
    Ok(())
}

async fn refusals(sdk: &Sdk) -> Result<()> {
    let client = sdk.with_repository().await?;
    let again = client.create_repository().repository_name(APP).send().await;
    let sentence = "The repository with name 'team/app' already exists in the registry with id";
    let error = refused(again, "RepositoryAlreadyExistsException", sentence)?;
    assert!(error.is_repository_already_exists_exception());

    let absent = client.describe_repositories().repository_names("absent").send().await;
    let sentence = "The repository with name 'absent' does not exist in the registry with id";
    let error = refused(absent, "RepositoryNotFoundException", sentence)?;
    assert!(error.is_repository_not_found_exception());

    let absent = client.delete_repository().repository_name("absent").send().await;
    let error = refused(absent, "RepositoryNotFoundException", sentence)?;
    assert!(error.is_repository_not_found_exception());

    let named = client.create_repository().repository_name("Not_A_Name").send().await;
    let sentence = "Invalid parameter at 'repositoryName' failed to satisfy constraint";
    let error = refused(named, "InvalidParameterException", sentence)?;
    assert!(error.is_invalid_parameter_exception());
    Ok(())
}

async fn pages(sdk: &Sdk) -> Result<()> {
    let client = sdk.client();
    let names = ["a/1", "b/2", "c/3"];
    for name in names {
        client.create_repository().repository_name(name).send().await?;
    }
    let pages = client.describe_repositories().into_paginator().page_size(2);
    let items: Vec<_> = pages.items().send().collect::<Result<_, _>>().await?;
    let mut found: Vec<_> = items.iter().filter_map(|item| item.repository_name()).collect();
    found.sort_unstable();
    assert_eq!(found, names);
    Ok(())
}

async fn token(sdk: &Sdk) -> Result<()> {
    let client = sdk.client();
    let told = client.get_authorization_token().send().await?;
    let [data] = told.authorization_data() else { anyhow::bail!("one token: {told:?}") };
    let end = SystemTime::try_from(*data.expires_at().context("an end")?)?;
    let left = end.duration_since(SystemTime::now())?.as_secs();
    ensure!((11 * 3600..=12 * 3600).contains(&left), "it lives {left} s");
    assert!(data.authorization_token().is_some_and(|token| !token.is_empty()));
    assert!(data.proxy_endpoint().is_some_and(|endpoint| endpoint.starts_with("http://")));
    #[expect(deprecated, reason = "AWS still honours it, and old tools still send it")]
    let ids = client.get_authorization_token().registry_ids("1").send().await;
    let error = refused(ids, "InvalidParameterException", "'registryIds")?;
    assert!(error.is_invalid_parameter_exception());
    Ok(())
}
