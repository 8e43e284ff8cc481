//! Layers in parts.

use anyhow::{Context as _, Result, bail};
use aws_sdk_ecr::{
    Client,
    error::SdkError,
    operation::{
        complete_layer_upload::{CompleteLayerUploadError, CompleteLayerUploadOutput},
        upload_layer_part::{UploadLayerPartError, UploadLayerPartOutput},
    },
    primitives::Blob,
    types::{LayerAvailability, LayerFailureCode},
};
use wharf_e2e::digest;

use crate::{APP, Sdk, refused};

/// What an operation answers.
type Told<T, E> = Result<T, SdkError<E>>;

pub async fn all(sdk: &Sdk) -> Result<()> {
    in_parts(sdk).await?;
    out_of_place(sdk).await?;
    bad_ends(sdk).await?;
    missing_repository(sdk).await
}

/// Begins an upload and gives its id.
pub async fn begin(client: &Client) -> Result<String> {
    let begun = client.initiate_layer_upload().repository_name(APP).send().await?;
    assert_eq!(begun.part_size(), Some(10 << 20));
    Ok(begun.upload_id().context("an id")?.to_owned())
}

/// Brings a blob in one part.
pub async fn upload(client: &Client, bytes: &[u8]) -> Result<()> {
    let id = begin(client).await?;
    part(client, &id, 0, bytes).await?;
    complete(client, &id, &digest(bytes)).await?;
    Ok(())
}

async fn part(
    client: &Client,
    id: &str,
    first: i64,
    bytes: &[u8],
) -> Told<UploadLayerPartOutput, UploadLayerPartError> {
    client
        .upload_layer_part()
        .repository_name(APP)
        .upload_id(id)
        .part_first_byte(first)
        .part_last_byte(first + bytes.len() as i64 - 1)
        .layer_part_blob(Blob::new(bytes))
        .send()
        .await
}

async fn complete(
    client: &Client,
    id: &str,
    digest: &str,
) -> Told<CompleteLayerUploadOutput, CompleteLayerUploadError> {
    let call = client.complete_layer_upload().repository_name(APP).upload_id(id);
    call.layer_digests(digest).send().await
}

async fn in_parts(sdk: &Sdk) -> Result<()> {
    let client = sdk.with_repository().await?;
    let bytes = vec![7; (5 << 20) + 1];
    let (id, (first, rest)) = (begin(&client).await?, bytes.split_at(5 << 20));
    let told = part(&client, &id, 0, first).await?;
    assert_eq!(told.last_byte_received(), Some((5 << 20) - 1));
    part(&client, &id, 5 << 20, rest).await?;
    let done = complete(&client, &id, &digest(&bytes)).await?;
    assert_eq!(done.layer_digest(), Some(digest(&bytes).as_str()));

    let told = client
        .batch_check_layer_availability()
        .repository_name(APP)
        .layer_digests(digest(&bytes))
        .layer_digests(digest(b"absent"))
        .layer_digests("no digest")
        .send()
        .await?;
    let [there, absent] = told.layers() else { bail!("two layers: {told:?}") };
    assert_eq!(there.layer_availability(), Some(&LayerAvailability::Available));
    assert_eq!(there.layer_size(), Some(bytes.len() as i64));
    assert_eq!(absent.layer_availability(), Some(&LayerAvailability::Unavailable));
    let [failure] = told.failures() else { bail!("one failure: {told:?}") };
    assert_eq!(failure.failure_code(), Some(&LayerFailureCode::InvalidLayerDigest));
    Ok(())
}

async fn out_of_place(sdk: &Sdk) -> Result<()> {
    let client = sdk.with_repository().await?;
    let id = begin(&client).await?;
    part(&client, &id, 0, b"AAAA").await?;
    let told = part(&client, &id, 8, b"BBBB").await;
    let sentence = format!("Invalid layer part upload for upload with id '{id}'");
    match refused(told, "InvalidLayerPartException", &sentence)? {
        UploadLayerPartError::InvalidLayerPartException(told) => {
            assert_eq!(told.last_valid_byte_received(), Some(3));
            assert_eq!(told.upload_id(), Some(id.as_str()));
            assert_eq!(told.repository_name(), Some(APP));
        }
        other => bail!("not the SDK's type for it: {other:?}"),
    }
    Ok(())
}

async fn bad_ends(sdk: &Sdk) -> Result<()> {
    let client = sdk.with_repository().await?;
    let empty = complete(&client, &begin(&client).await?, &digest(b"absent")).await;
    assert!(refused(empty, "EmptyUploadException", "")?.is_empty_upload_exception());

    let id = begin(&client).await?;
    part(&client, &id, 0, b"ahoy").await?;
    let wrong = complete(&client, &id, &digest(b"absent")).await;
    let sentence = "None of the provided layer digests match the calculated layer digest";
    assert!(refused(wrong, "InvalidLayerException", sentence)?.is_invalid_layer_exception());

    let id = begin(&client).await?;
    part(&client, &id, 0, b"small").await?;
    part(&client, &id, 5, b"parts").await?;
    let small = complete(&client, &id, &digest(b"smallparts")).await;
    let sentence = "All layer parts except the last part should be at least 5MB";
    let error = refused(small, "LayerPartTooSmallException", sentence)?;
    assert!(error.is_layer_part_too_small_exception());

    upload(&client, b"twice").await?;
    let id = begin(&client).await?;
    part(&client, &id, 0, b"twice").await?;
    let twice = complete(&client, &id, &digest(b"twice")).await;
    let error = refused(twice, "LayerAlreadyExistsException", "already exists")?;
    assert!(error.is_layer_already_exists_exception());

    let spent = part(&client, &id, 5, b"more").await;
    let sentence = format!("Upload with id '{id}' could not be found");
    assert!(refused(spent, "UploadNotFoundException", &sentence)?.is_upload_not_found_exception());
    Ok(())
}

async fn missing_repository(sdk: &Sdk) -> Result<()> {
    let client = sdk.client();
    let (code, sentence) =
        ("RepositoryNotFoundException", "The repository with name 'absent' does not exist");
    let told = client.initiate_layer_upload().repository_name("absent").send().await;
    assert!(refused(told, code, sentence)?.is_repository_not_found_exception());
    let call = client.batch_check_layer_availability().repository_name("absent");
    let told = call.layer_digests(digest(b"absent")).send().await;
    assert!(refused(told, code, sentence)?.is_repository_not_found_exception());
    Ok(())
}
