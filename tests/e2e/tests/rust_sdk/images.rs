//! Images and indexes.

use anyhow::{Context as _, Result, bail};
use aws_sdk_ecr::{
    Client,
    error::SdkError,
    operation::put_image::{PutImageError, PutImageOutput},
    types::{
        ImageFailureCode, ImageIdentifier, ImageTagMutability, ListImagesFilter, SubjectIdentifier,
        TagStatus,
    },
};
use rand::{SeedableRng as _, rngs::StdRng};
use serde_json::json;
use wharf_e2e::{Blob, Image, MANIFEST, digest};

use crate::{APP, Sdk, layers::upload, recent, refused};

pub async fn all(sdk: &Sdk) -> Result<()> {
    pushed_and_read(sdk).await?;
    tags_and_pages(sdk).await?;
    refusals(sdk).await?;
    an_index(sdk).await?;
    referrers(sdk).await?;
    missing_repository(sdk).await
}

/// An image of one layer, whose bytes follow from the seed.
fn image(seed: u64) -> Image {
    Image::new(&mut StdRng::seed_from_u64(seed), vec![Blob::new(seed, 3000)])
}

fn by_tag(tag: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_tag(tag).build()
}

fn by_digest(digest: &str) -> ImageIdentifier {
    ImageIdentifier::builder().image_digest(digest).build()
}

async fn put(
    client: &Client,
    manifest: &[u8],
    tag: Option<&str>,
) -> Result<PutImageOutput, SdkError<PutImageError>> {
    let call = client.put_image().repository_name(APP).set_image_tag(tag.map(str::to_owned));
    call.image_manifest(String::from_utf8_lossy(manifest)).send().await
}

async fn push(client: &Client, image: &Image, tag: Option<&str>) -> Result<()> {
    for blob in &image.blobs {
        upload(client, &blob.bytes()).await?;
    }
    put(client, &image.manifest, tag).await?;
    Ok(())
}

async fn pushed_and_read(sdk: &Sdk) -> Result<()> {
    let client = sdk.with_repository().await?;
    let image = image(1);
    push(&client, &image, Some("1")).await?;
    let call = client.batch_get_image().repository_name(APP).image_ids(by_tag("1"));
    let got = call.image_ids(by_tag("none")).send().await?;
    let [found] = got.images() else { bail!("one image: {got:?}") };
    assert_eq!(found.image_manifest().map(str::as_bytes), Some(&*image.manifest));
    assert_eq!(found.image_manifest_media_type(), Some(MANIFEST));
    assert_eq!(found.image_id().and_then(|id| id.image_digest()), Some(image.digest.as_str()));
    let [failure] = got.failures() else { bail!("one failure: {got:?}") };
    assert_eq!(failure.failure_code(), Some(&ImageFailureCode::ImageNotFound));

    let told = client.describe_images().repository_name(APP).send().await?;
    let [detail] = told.image_details() else { bail!("one image: {told:?}") };
    recent(detail.image_pushed_at())?;
    let size: usize = image.blobs.iter().map(|blob| blob.size).sum();
    assert_eq!(detail.image_size_in_bytes(), Some(size as i64));
    assert_eq!(detail.image_tags(), ["1"]);

    let layer = &image.blobs[1].digest;
    let call = client.get_download_url_for_layer().repository_name(APP);
    let told = call.layer_digest(layer).send().await?;
    assert!(told.download_url().is_some_and(|url| url.contains(layer)), "{told:?}");
    let call = client.get_download_url_for_layer().repository_name(APP);
    let lost = call.layer_digest(digest(b"absent")).send().await;
    let error = refused(lost, "LayersNotFoundException", "The layer with digest")?;
    assert!(error.is_layers_not_found_exception());
    Ok(())
}

async fn tags_and_pages(sdk: &Sdk) -> Result<()> {
    let client = sdk.with_repository().await?;
    let images = [image(1), image(2), image(3)];
    for (image, tag) in images.iter().zip([Some("one"), Some("two"), None]) {
        push(&client, image, tag).await?;
    }
    let call = client.list_images().repository_name(APP).into_paginator().page_size(2);
    let all: Vec<_> = call.items().send().collect::<Result<_, _>>().await?;
    let mut found: Vec<_> = all.iter().filter_map(|id| id.image_digest()).collect();
    let mut pushed: Vec<_> = images.iter().map(|image| image.digest.as_str()).collect();
    found.sort_unstable();
    pushed.sort_unstable();
    assert_eq!(found, pushed);
    let call = client.describe_images().repository_name(APP).into_paginator().page_size(2);
    let all: Vec<_> = call.items().send().collect::<Result<_, _>>().await?;
    assert_eq!(all.len(), 3);

    let filter = ListImagesFilter::builder().tag_status(TagStatus::Untagged).build();
    let told = client.list_images().repository_name(APP).filter(filter).send().await?;
    assert_eq!(told.image_ids(), [by_digest(&images[2].digest)]);
    Ok(())
}

async fn refusals(sdk: &Sdk) -> Result<()> {
    let client = sdk.client();
    let call = client.create_repository().repository_name(APP);
    call.image_tag_mutability(ImageTagMutability::Immutable).send().await?;
    let image = image(1);
    let told = put(&client, &image.manifest, None).await;
    let sentence = "required for pushing image into repository with name 'team/app'";
    let error = refused(told, "LayersNotFoundException", sentence)?;
    assert!(error.is_layers_not_found_exception());
    push(&client, &image, Some("1")).await?;
    let told = put(&client, &image.manifest, None).await;
    let error = refused(told, "ImageAlreadyExistsException", "Image with digest")?;
    assert!(error.is_image_already_exists_exception());
    let told = put(&client, &image.manifest, Some("1")).await;
    let sentence = "cannot be overwritten because the tag is immutable.";
    let error = refused(told, "ImageTagAlreadyExistsException", sentence)?;
    assert!(error.is_image_tag_already_exists_exception());
    let told = put(&client, b"{", None).await;
    let error = refused(told, "InvalidParameterException", "'Invalid JSON syntax'")?;
    assert!(error.is_invalid_parameter_exception());
    let call = client.describe_images().repository_name(APP).image_ids(by_tag("none"));
    let sentence = "The image with imageId {imageDigest:'null', imageTag:'none'} does not exist";
    let error = refused(call.send().await, "ImageNotFoundException", sentence)?;
    assert!(error.is_image_not_found_exception());
    Ok(())
}

async fn an_index(sdk: &Sdk) -> Result<()> {
    let client = sdk.with_repository().await?;
    let child = image(1);
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{ "mediaType": MANIFEST, "digest": child.digest, "size": child.manifest.len() }],
    });
    let index = serde_json::to_vec(&index)?;
    let told = put(&client, &index, None).await;
    let error =
        refused(told, "ReferencedImagesNotFoundException", "Images with digests '[sha256:")?;
    assert!(error.is_referenced_images_not_found_exception());
    push(&client, &child, None).await?;
    put(&client, &index, Some("both")).await?;
    let call = client.batch_delete_image().repository_name(APP).image_ids(by_digest(&child.digest));
    let told = call.send().await?;
    let [failure] = told.failures() else { bail!("one failure: {told:?}") };
    assert_eq!(failure.failure_code(), Some(&ImageFailureCode::ImageReferencedByManifestList));
    let reason = failure.failure_reason().context("a reason")?;
    assert!(reason.contains(&digest(&index)), "{reason}");
    Ok(())
}

async fn referrers(sdk: &Sdk) -> Result<()> {
    let client = sdk.with_repository().await?;
    let image = image(1);
    push(&client, &image, Some("1")).await?;
    let mut manifest: serde_json::Value = serde_json::from_slice(&image.manifest)?;
    manifest["subject"] =
        json!({ "mediaType": MANIFEST, "digest": image.digest, "size": image.manifest.len() });
    manifest["artifactType"] = "application/vnd.example.signature".into();
    let signature = serde_json::to_vec(&manifest)?;
    put(&client, &signature, None).await?;
    let subject = SubjectIdentifier::builder().image_digest(&image.digest).build()?;
    let call = client.list_image_referrers().repository_name(APP).subject_id(subject.clone());
    let told = call.send().await?;
    let [referrer] = told.referrers() else { bail!("one referrer: {told:?}") };
    assert_eq!(referrer.digest(), digest(&signature));
    assert_eq!(referrer.size(), signature.len() as i64);
    assert_eq!(referrer.artifact_type(), Some("application/vnd.example.signature"));
    let call = client.list_image_referrers().repository_name("absent").subject_id(subject);
    let error = refused(call.send().await, "RepositoryNotFoundException", "'absent'")?;
    assert!(error.is_repository_not_found_exception());
    Ok(())
}

async fn missing_repository(sdk: &Sdk) -> Result<()> {
    let client = sdk.client();
    let (code, sentence) =
        ("RepositoryNotFoundException", "The repository with name 'absent' does not exist");
    let told = client.list_images().repository_name("absent").send().await;
    assert!(refused(told, code, sentence)?.is_repository_not_found_exception());
    let call = client.batch_get_image().repository_name("absent").image_ids(by_tag("1"));
    assert!(refused(call.send().await, code, sentence)?.is_repository_not_found_exception());
    let call = client.batch_delete_image().repository_name("absent").image_ids(by_tag("1"));
    assert!(refused(call.send().await, code, sentence)?.is_repository_not_found_exception());
    Ok(())
}
