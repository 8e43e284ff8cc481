//! The condition keys `ecr:ImageTag` and `ecr:ImageDigest`, at both doors: they hold what a request
//! names, and what goes with an image that is deleted.

use serde_json::{Value, json};
use wharf_testkit::{Credentials, Image, V2, Wharf, on_both, oracle};

on_both![
    a_push_may_set_only_its_own_tags,
    a_tag_that_is_kept_is_kept_from_deletion_by_digest,
    one_image_of_several_that_may_not_go_keeps_all,
];

/// A user who may do everything in ECR but, under the condition, `action`.
async fn user(wharf: &Wharf, action: &str, condition: Value) -> Credentials {
    let credentials = wharf.user("ci").await;
    let document = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ecr:*", "Resource": "*" },
        { "Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition },
    ]});
    let input =
        json!({ "UserName": "ci", "PolicyName": "p", "PolicyDocument": document.to_string() });
    oracle::iam(wharf, "PutUserPolicy", input).await.unwrap();
    credentials
}

async fn pushed(wharf: &Wharf, tags: &[&str]) -> Image {
    wharf.repository("app").await;
    let (v2, image) = (wharf.v2().await, Image::of("app"));
    v2.push_blobs("app", &image).await;
    for tag in tags {
        v2.push_as("app", tag, &image).await;
    }
    image
}

async fn there(v2: &V2, tag: &str) -> bool {
    v2.manifest("app", tag).await.status == 200
}

async fn a_push_may_set_only_its_own_tags(wharf: Wharf) {
    let image = pushed(&wharf, &[]).await;
    let condition = json!({ "StringNotLike": { "ecr:ImageTag": "pr-*" } });
    let ci = user(&wharf, "ecr:PutImage", condition).await;
    let v2 = wharf.v2_as(&ci).await;
    assert_eq!(v2.put_manifest("app", "pr-7", &image.manifest).await.status, 201);
    let digest = image.digest();
    for reference in ["v1", digest.as_str(), "pr-8?tag=v1"] {
        v2.put_manifest("app", reference, &image.manifest).await.refuses_with(403, "DENIED");
    }
    let put = |tag: &str| {
        let manifest = image.manifest.text();
        json!({ "repositoryName": "app", "imageManifest": manifest, "imageTag": tag })
    };
    wharf.api_as(&ci, "PutImage", put("pr-9")).await.unwrap();
    let refused = wharf.api_as(&ci, "PutImage", put("v1")).await.unwrap_err();
    assert_eq!(refused.code, "AccessDeniedException");
    let root = wharf.v2().await;
    assert!(there(&root, "pr-7").await && there(&root, "pr-9").await);
    assert!(!there(&root, "v1").await && !there(&root, "pr-8").await);
}

async fn a_tag_that_is_kept_is_kept_from_deletion_by_digest(wharf: Wharf) {
    let image = pushed(&wharf, &["prod", "other"]).await;
    let condition = json!({ "StringEquals": { "ecr:ImageTag": "prod" } });
    let ci = user(&wharf, "ecr:BatchDeleteImage", condition).await;
    let (v2, root) = (wharf.v2_as(&ci).await, wharf.v2().await);
    let path = |reference: &str| format!("/v2/app/manifests/{reference}");
    v2.delete(&path("prod")).await.refuses_with(403, "DENIED");
    v2.delete(&path(&image.digest())).await.refuses_with(403, "DENIED");
    let by_digest = json!({ "imageDigest": image.digest() });
    let input = json!({ "repositoryName": "app", "imageIds": [by_digest] });
    let refused = wharf.api_as(&ci, "BatchDeleteImage", input).await.unwrap_err();
    assert_eq!(refused.code, "AccessDeniedException");
    assert_eq!(v2.delete(&path("other")).await.status, 202);
    assert!(there(&root, "prod").await);
    assert_eq!(root.delete(&path("prod")).await.status, 202);
}

async fn one_image_of_several_that_may_not_go_keeps_all(wharf: Wharf) {
    pushed(&wharf, &["prod", "a", "b"]).await;
    let condition = json!({ "StringEquals": { "ecr:ImageTag": "prod" } });
    let ci = user(&wharf, "ecr:BatchDeleteImage", condition).await;
    let ids = ["a", "prod", "b"].map(|tag| json!({ "imageTag": tag }));
    let input = json!({ "repositoryName": "app", "imageIds": ids });
    let refused = wharf.api_as(&ci, "BatchDeleteImage", input).await.unwrap_err();
    assert_eq!(refused.code, "AccessDeniedException");
    let root = wharf.v2().await;
    assert!(there(&root, "a").await && there(&root, "b").await && there(&root, "prod").await);
}
