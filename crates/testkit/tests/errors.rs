//! The errors of the API, each provoked for real: exact code, exact sentence. Those of layer parts
//! are in `parts`, of tags that may not move in `mutability`, of pages in `paging`, of credentials
//! and of the model's constraints in `operations`.

use serde_json::{Value, json};
use wharf_testkit::image::digest;
use wharf_testkit::{ACCOUNT, ApiError, Image, Manifest, Wharf, on_both};

on_both![
    a_repository_is_refused_in_ecrs_words,
    tags_and_keys_of_a_repository_are_refused_by_their_codes,
    a_missing_repository_is_told_by_every_operation,
    a_missing_image_is_told_with_what_was_asked_for,
    a_manifest_is_refused_in_ecrs_words,
    an_image_that_is_there_is_told_so,
    a_repository_comes_back_as_it_was_made,
];

async fn refused(wharf: &Wharf, operation: &str, input: Value, code: &str, message: &str) {
    let told = wharf.api(operation, input.clone()).await;
    assert_eq!(told, Err(ApiError::plain(code, message)), "{operation}({input})");
}

fn parameter(path: &str, reason: &str) -> String {
    format!("Invalid parameter at '{path}' failed to satisfy constraint: '{reason}'")
}

async fn a_repository_is_refused_in_ecrs_words(wharf: Wharf) {
    wharf.repository("there").await;
    let exists = format!(
        "The repository with name 'there' already exists in the registry with id '{ACCOUNT}'"
    );
    let input = json!({ "repositoryName": "there" });
    refused(&wharf, "CreateRepository", input, "RepositoryAlreadyExistsException", &exists).await;
    let name = "imageTagMutabilityExclusionFilters";
    let filter = json!([{ "filterType": "WILDCARD", "filter": "v*" }]);
    let filters = |mode: &str, text: &str| {
        let reason = format!(
            "ImageTagMutabilityExclusionFilters {text} when imageTagMutability is set as {mode}"
        );
        parameter(name, &reason)
    };
    for mode in ["IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"] {
        let input = json!({ "repositoryName": "new", "imageTagMutability": mode });
        let message = filters(mode, "can't be null");
        refused(&wharf, "CreateRepository", input, "InvalidParameterException", &message).await;
    }
    for mode in ["IMMUTABLE", "MUTABLE"] {
        let input = json!({ "repositoryName": "new", "imageTagMutability": mode, name: filter });
        let message = filters(mode, "are not allowed");
        refused(&wharf, "CreateRepository", input, "InvalidParameterException", &message).await;
    }
    let encryption = json!({ "encryptionType": "AES256", "kmsKey": "key" });
    let input = json!({ "repositoryName": "new", "encryptionConfiguration": encryption });
    let reason = "Invalid encryption configuration: Encryption key should not be set for AES256 \
                  encryption.";
    let message = parameter("encryptionConfiguration", reason);
    refused(&wharf, "CreateRepository", input, "InvalidParameterException", &message).await;
    let all = wharf.api("DescribeRepositories", json!({})).await.unwrap();
    assert_eq!(all["repositories"].as_array().unwrap().len(), 1, "nothing was made");
}

async fn tags_and_keys_of_a_repository_are_refused_by_their_codes(wharf: Wharf) {
    let tags = |count: usize| -> Value {
        (0..count).map(|n| json!({ "Key": format!("k{n}"), "Value": "" })).collect()
    };
    let tag = |key: &str, value: &str| json!([{ "Key": key, "Value": value }]);
    let invalid_tag = "InvalidTagParameterException";
    let codes = [
        (json!({ "tags": tags(51) }), "TooManyTagsException"),
        (json!({ "tags": tag("aws:x", "") }), invalid_tag),
        (json!({ "tags": tag(&"k".repeat(129), "") }), invalid_tag),
        (json!({ "tags": tag("k", &"v".repeat(257)) }), invalid_tag),
        (json!({ "tags": [tag("k", "1")[0], tag("k", "2")[0]] }), invalid_tag),
        (kms("arn:aws:kms:us-west-2:123456789012:key/1"), "KmsException"),
        (kms("not a key"), "KmsException"),
        (kms("arn:aws:kms:eu-central-1:123456789012:key/\0"), "KmsException"),
    ];
    for (mut input, code) in codes {
        input["repositoryName"] = "new".into();
        let told = wharf.api("CreateRepository", input.clone()).await.unwrap_err();
        assert_eq!(told.code, code, "{input}: {told}");
        assert_eq!(told.extra.contains_key("kmsError"), code == "KmsException", "{told:?}");
    }
    let input = json!({ "repositoryName": "new", "tags": tags(50) });
    wharf.api("CreateRepository", input).await.unwrap();
}

fn kms(key: &str) -> Value {
    json!({ "encryptionConfiguration": { "encryptionType": "KMS", "kmsKey": key } })
}

async fn a_missing_repository_is_told_by_every_operation(wharf: Wharf) {
    wharf.repository("there").await;
    let message = format!(
        "The repository with name 'ghost' does not exist in the registry with id '{ACCOUNT}'"
    );
    let ids = json!([{ "imageTag": "v1" }]);
    let upload = "6a1c9e64-0000-4000-8000-0123456789ab";
    let table = [
        ("DescribeRepositories", json!({ "repositoryNames": ["there", "ghost", "other"] })),
        ("DeleteRepository", json!({})),
        ("PutImage", json!({ "imageManifest": Image::of("x").manifest.text() })),
        ("BatchGetImage", json!({ "imageIds": ids })),
        ("BatchDeleteImage", json!({ "imageIds": ids })),
        ("ListImages", json!({})),
        ("DescribeImages", json!({})),
        ("BatchCheckLayerAvailability", json!({ "layerDigests": [digest(b"x")] })),
        ("InitiateLayerUpload", json!({})),
        (
            "UploadLayerPart",
            json!({ "uploadId": upload, "partFirstByte": 0, "partLastByte": 0,
            "layerPartBlob": "AA==" }),
        ),
        ("CompleteLayerUpload", json!({ "uploadId": upload, "layerDigests": [digest(b"x")] })),
        ("GetDownloadUrlForLayer", json!({ "layerDigest": digest(b"x") })),
        ("SetRepositoryPolicy", json!({ "policyText": "{}" })),
        ("GetRepositoryPolicy", json!({})),
        ("DeleteRepositoryPolicy", json!({})),
    ];
    for (operation, mut input) in table {
        if operation != "DescribeRepositories" {
            input["repositoryName"] = "ghost".into();
        }
        refused(&wharf, operation, input, "RepositoryNotFoundException", &message).await;
    }
}

async fn a_missing_image_is_told_with_what_was_asked_for(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let absent = digest(b"absent");
    let table = [
        (json!({ "imageTag": "none" }), "null", "none"),
        (json!({ "imageDigest": absent }), absent.as_str(), "null"),
        (json!({ "imageTag": "v1", "imageDigest": absent }), absent.as_str(), "v1"),
    ];
    for (id, digest, tag) in table {
        let input = json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "v1" }, id] });
        let message = format!(
            "The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist \
             within the repository with name 'app' in the registry with id '{ACCOUNT}'"
        );
        refused(&wharf, "DescribeImages", input, "ImageNotFoundException", &message).await;
    }
}

async fn a_manifest_is_refused_in_ecrs_words(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    let put = |manifest: &str, more: Value| {
        let mut input = json!({ "repositoryName": "app", "imageManifest": manifest });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let text = image.manifest.text();
    let message = parameter("ImageManifest", "Invalid JSON syntax");
    let input = put("{", json!({}));
    refused(&wharf, "PutImage", input, "InvalidParameterException", &message).await;
    let wrong = digest(b"wrong");
    let message = format!(
        "The image with digest '{wrong}' in repository 'app' and registry ID '{ACCOUNT}' does not \
         match the image digest that Amazon ECR has calculated."
    );
    let input = put(&text, json!({ "imageDigest": wrong }));
    refused(&wharf, "PutImage", input, "ImageDigestDoesNotMatchException", &message).await;
    let (config, layer) = (digest(&image.config), digest(&image.layers[0]));
    let told = wharf.api("PutImage", put(&text, json!({}))).await.unwrap_err();
    let layers = |first: &str, second: &str| {
        format!(
            "Layers with digests '[{first}, {second}]' required for pushing image into repository \
             with name 'app' in the registry with id '{ACCOUNT}' do not exist"
        )
    };
    assert_eq!(told.code, "LayersNotFoundException");
    let either = [layers(&config, &layer), layers(&layer, &config)];
    assert!(either.contains(&told.message), "{told}");
    let index = Manifest::index(&[&image.manifest]);
    let message = format!(
        "Images with digests '[{}]' required for pushing image into repository with name 'app' in \
         the registry with id '{ACCOUNT}' do not exist",
        image.digest()
    );
    let input = put(&index.text(), json!({}));
    refused(&wharf, "PutImage", input, "ReferencedImagesNotFoundException", &message).await;
    v2.push_blobs("app", &image).await;
    for bad in ["-x", "a b", "a/b", &"x".repeat(129)] {
        let told = wharf.api("PutImage", put(&text, json!({ "imageTag": bad }))).await.unwrap_err();
        assert_eq!(told.code, "InvalidParameterException", "{bad}");
        assert!(told.message.contains("'imageTag'"), "{told}");
    }
    let mut untyped: Value = serde_json::from_str(&text).unwrap();
    untyped.as_object_mut().unwrap().remove("mediaType");
    let message = parameter("ImageManifest", "Invalid JSON syntax");
    let input = put(&untyped.to_string(), json!({}));
    refused(&wharf, "PutImage", input, "InvalidParameterException", &message).await;
    let typed = json!({ "imageManifestMediaType": image.manifest.media_type });
    wharf.api("PutImage", put(&untyped.to_string(), typed)).await.unwrap();
    let typed = json!({ "imageManifestMediaType": "application/x-unknown" });
    let told = wharf.api("PutImage", put(&text, typed)).await.unwrap_err();
    let message =
        parameter("ImageManifest", "Unsupported manifest type: \"application/x-unknown\"");
    assert_eq!(told, ApiError::plain("InvalidParameterException", &message));
}

async fn an_image_that_is_there_is_told_so(wharf: Wharf) {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    let digest = image.digest();
    for (tag, told) in [(json!("v1"), "v1"), (Value::Null, "null")] {
        let input = json!({ "repositoryName": "app", "imageManifest": image.manifest.text(),
            "imageTag": tag });
        let message = format!(
            "Image with digest '{digest}' and tag '{told}' already exists in the repository with \
             name 'app' in registry with id '{ACCOUNT}'"
        );
        refused(&wharf, "PutImage", input, "ImageAlreadyExistsException", &message).await;
    }
    let input = json!({ "repositoryName": "app", "imageManifest": image.manifest.text(),
        "imageTag": "v2" });
    let put = wharf.api("PutImage", input).await.unwrap();
    assert_eq!(put["image"]["imageId"], json!({ "imageDigest": digest, "imageTag": "v2" }));
}

async fn a_repository_comes_back_as_it_was_made(mut wharf: Wharf) {
    let input = json!({
        "repositoryName": "team/app",
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "dev-*" }],
        "imageScanningConfiguration": { "scanOnPush": true },
        "encryptionConfiguration": { "encryptionType": "KMS", "kmsKey": "alias/mine" },
        "tags": [{ "Key": "team", "Value": "one" }],
    });
    let made = wharf.api("CreateRepository", input).await.unwrap();
    let expected = json!({
        "repositoryArn": format!("arn:aws:ecr:eu-central-1:{ACCOUNT}:repository/team/app"),
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "repositoryUri": format!("localhost:{}/team/app", wharf.address.port()),
        "createdAt": wharf.clock.now() as f64 / 1000.0,
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "dev-*" }],
        "imageScanningConfiguration": { "scanOnPush": true },
        "encryptionConfiguration": {
            "encryptionType": "KMS",
            "kmsKey": format!("arn:aws:kms:eu-central-1:{ACCOUNT}:alias/mine"),
        },
    });
    assert_eq!(made["repository"], expected);
    wharf.restart_with(&[("registry_host", "{account}.dkr.ecr.{region}.example.com")]).await;
    let input = json!({ "repositoryNames": ["team/app"] });
    let mut found = wharf.api("DescribeRepositories", input).await.unwrap();
    let uri = format!("{ACCOUNT}.dkr.ecr.eu-central-1.example.com/team/app");
    assert_eq!(found["repositories"][0]["repositoryUri"], uri);
    found["repositories"][0]["repositoryUri"] = expected["repositoryUri"].clone();
    assert_eq!(found["repositories"][0], expected);
    let gone = wharf.api("DeleteRepository", json!({ "repositoryName": "team/app" })).await;
    assert_eq!(gone.unwrap()["repository"]["createdAt"], expected["createdAt"]);
}
