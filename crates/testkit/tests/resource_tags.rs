//! Tags of repositories: set, listed, removed by ARN; whatever ECR refuses.

use serde_json::{Value, json};
use wharf_testkit::{ACCOUNT, ApiError, REGION, Wharf, on_both};

on_both![
    tags_are_set_listed_and_removed,
    the_tags_of_creation_are_listed,
    a_tag_that_ecr_refuses_changes_nothing,
    fifty_tags_are_the_most_however_they_come,
    an_arn_that_is_none_of_a_repository_here_is_refused,
    tags_go_with_their_repository,
];

fn arn(name: &str) -> String {
    format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}")
}

fn tags(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

async fn tag(wharf: &Wharf, name: &str, tags: Value) -> Result<Value, ApiError> {
    wharf.api("TagResource", json!({ "resourceArn": arn(name), "tags": tags })).await
}

async fn listed(wharf: &Wharf, name: &str) -> Value {
    let input = json!({ "resourceArn": arn(name) });
    wharf.api("ListTagsForResource", input).await.unwrap()["tags"].clone()
}

async fn tags_are_set_listed_and_removed(mut wharf: Wharf) {
    wharf.repository("team/app").await;
    assert_eq!(listed(&wharf, "team/app").await, json!([]));
    let first = tags(&[("team", "one"), ("Team", "Two"), ("empty", ""), ("größe", "☃")]);
    assert_eq!(tag(&wharf, "team/app", first).await, Ok(json!({})));
    assert_eq!(tag(&wharf, "team/app", tags(&[("team", "three")])).await, Ok(json!({})));
    let expected = tags(&[("Team", "Two"), ("empty", ""), ("größe", "☃"), ("team", "three")]);
    assert_eq!(listed(&wharf, "team/app").await, expected);
    wharf.restart().await;
    assert_eq!(listed(&wharf, "team/app").await, expected);
    let keys = json!(["Team", "größe", "never set", "nul\0"]);
    let input = json!({ "resourceArn": arn("team/app"), "tagKeys": keys });
    for _ in 0..2 {
        assert_eq!(wharf.api("UntagResource", input.clone()).await, Ok(json!({})));
        assert_eq!(listed(&wharf, "team/app").await, tags(&[("empty", ""), ("team", "three")]));
    }
}

async fn the_tags_of_creation_are_listed(wharf: Wharf) {
    let input = json!({ "repositoryName": "app", "tags": tags(&[("b", "2"), ("a", "1")]) });
    wharf.api("CreateRepository", input).await.unwrap();
    assert_eq!(listed(&wharf, "app").await, tags(&[("a", "1"), ("b", "2")]));
}

async fn a_tag_that_ecr_refuses_changes_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    tag(&wharf, "app", tags(&[("kept", "1")])).await.unwrap();
    let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
    for bad in [
        tags(&[("aws:x", "")]),
        tags(&[("AWS:x", "")]),
        tags(&[(&long_key, "")]),
        tags(&[("k", &long_value)]),
        tags(&[("", "v")]),
        tags(&[("k", "1"), ("k", "2")]),
        tags(&[("kept", "2"), ("nul\0", "")]),
    ] {
        let told = tag(&wharf, "app", bad.clone()).await.unwrap_err();
        assert_eq!(told.code, "InvalidTagParameterException", "{bad}");
        assert_eq!(listed(&wharf, "app").await, tags(&[("kept", "1")]), "{bad}");
    }
}

async fn fifty_tags_are_the_most_however_they_come(wharf: Wharf) {
    wharf.repository("app").await;
    let keys: Vec<String> = (0..51).map(|n| format!("k{n:02}")).collect();
    let some = |from: usize, to: usize| -> Value {
        keys[from..to].iter().map(|key| json!({ "Key": key, "Value": "" })).collect()
    };
    let too_many =
        ApiError::plain("TooManyTagsException", "The repository can have at most 50 tags");
    assert_eq!(tag(&wharf, "app", some(0, 51)).await, Err(too_many.clone()));
    tag(&wharf, "app", some(0, 30)).await.unwrap();
    assert_eq!(tag(&wharf, "app", some(25, 51)).await, Err(too_many.clone()));
    assert_eq!(listed(&wharf, "app").await, some(0, 30), "all or none");
    tag(&wharf, "app", some(20, 50)).await.unwrap();
    assert_eq!(tag(&wharf, "app", some(50, 51)).await, Err(too_many));
    assert_eq!(listed(&wharf, "app").await, some(0, 50));
}

async fn an_arn_that_is_none_of_a_repository_here_is_refused(wharf: Wharf) {
    let invalid = "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'";
    let calls = |arn: &str| {
        [
            ("ListTagsForResource", json!({ "resourceArn": arn })),
            ("TagResource", json!({ "resourceArn": arn, "tags": tags(&[("k", "v")]) })),
            ("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["k"] })),
        ]
    };
    for bad in [
        "",
        "app",
        &format!("arn:aws:ecr:us-east-9:{ACCOUNT}:repository/app"),
        &format!("arn:aws:ecr:{REGION}x:{ACCOUNT}:repository/app"),
        &format!("arn:aws:ecr:{REGION}:{ACCOUNT}:app"),
        &format!("arn:aws:ecr:{REGION}:123:repository/app"),
        &format!("arn:aws:s3:{REGION}:{ACCOUNT}:repository/app"),
        &format!("arn:aws-cn:ecr:{REGION}:{ACCOUNT}:repository/app"),
        &format!(" {}", arn("app")),
        &arn("a\0"),
    ] {
        for (operation, input) in calls(bad) {
            let told = wharf.api(operation, input).await;
            let expected = ApiError::plain("InvalidParameterException", invalid);
            assert_eq!(told, Err(expected), "{operation} {bad}");
        }
    }
    let missing = format!(
        "The repository with name 'ghost' does not exist in the registry with id '{ACCOUNT}'"
    );
    for (operation, input) in calls(&arn("ghost")) {
        let told = wharf.api(operation, input).await;
        let expected = ApiError::plain("RepositoryNotFoundException", &missing);
        assert_eq!(told, Err(expected), "{operation}");
    }
    let other = format!("arn:aws:ecr:{REGION}:999999999999:repository/app");
    for (operation, input) in calls(&other) {
        let message = format!(
            "User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: ecr:{operation} on \
             resource: {other} because no resource-based policy allows the ecr:{operation} action"
        );
        let told = wharf.api(operation, input).await;
        assert_eq!(told, Err(ApiError::plain("AccessDeniedException", &message)));
    }
}

async fn tags_go_with_their_repository(wharf: Wharf) {
    wharf.repository("app").await;
    tag(&wharf, "app", tags(&[("k", "v")])).await.unwrap();
    wharf.api("DeleteRepository", json!({ "repositoryName": "app" })).await.unwrap();
    wharf.repository("app").await;
    assert_eq!(listed(&wharf, "app").await, json!([]));
}
