//! What policies of repositories and registries do to requests, at both doors: who is let in, who
//! is kept out, in which words, and from when on.

use std::sync::Arc;

use serde_json::{Value, json};
use wharf_policy::{Action, Caller, Origin, Principal, Requester, Source, Trail};
use wharf_registry::{Ask, RegistryId};
use wharf_testkit::image::digest;
use wharf_testkit::{ACCOUNT, ApiError, Credentials, Engine, Image, REGION, V2, Wharf, on_both};

on_both![
    another_account_pulls_by_the_policy_that_names_it_and_not_without,
    a_repository_policy_opens_one_repository_and_nothing_else,
    a_deny_binds_the_own_root_but_for_the_calls_that_repair_it,
    a_registry_policy_speaks_of_all_repositories_by_its_scope,
    another_account_makes_a_repository_where_the_registry_policy_lets_it,
    what_no_operation_asks_for_yet_is_decided_by_the_registry_policy,
    only_a_deny_of_a_registry_policy_concerns_tokens,
    a_head_of_a_layer_needs_either_of_two_rights_and_no_deny,
    a_condition_is_asked_of_the_request_as_it_is,
    a_layer_is_not_mounted_out_of_a_repository_that_denies_it,
];

const TENANT: &str = "999999999999";
const PULL: [&str; 2] = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// An account with an image, and another account that asks for it.
struct Two {
    wharf: Wharf,
    tenant: Credentials,
    /// The other account's client, at the first one's registry.
    guest: V2,
    image: Image,
}

impl Two {
    async fn begin(mut wharf: Wharf) -> Two {
        let tenant = wharf.second_account(TENANT).await;
        wharf.repository("app").await;
        let image = Image::of("app");
        wharf.v2().await.push_as("app", "v1", &image).await;
        let guest = wharf.v2_as(&tenant).await;
        let host = format!("{ACCOUNT}.dkr.ecr.{REGION}.localhost:{}", wharf.address.port());
        Two { guest: guest.at_host(&host), tenant, wharf, image }
    }

    /// The other account asks the first one's registry.
    async fn ask(&self, operation: &str, mut input: Value) -> Result<Value, ApiError> {
        input["registryId"] = ACCOUNT.into();
        self.wharf.api_as(&self.tenant, operation, input).await
    }

    async fn set(&self, repository: &str, statements: Value) {
        let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        let input = json!({ "repositoryName": repository, "policyText": text });
        self.wharf.api("SetRepositoryPolicy", input).await.unwrap();
    }

    async fn put(&self, statements: Value) {
        let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
        self.wharf.api("PutRegistryPolicy", json!({ "policyText": text })).await.unwrap();
    }

    /// Whether the other account pulls the image, at both doors alike; nothing in between.
    async fn pulls(&self) -> bool {
        let ids = json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "v1" }] });
        let got = self.ask("BatchGetImage", ids).await;
        let layer = digest(&self.image.layers[0]);
        let input = json!({ "repositoryName": "app", "layerDigest": layer });
        let url = self.ask("GetDownloadUrlForLayer", input).await;
        if let (Ok(got), Ok(url)) = (&got, &url) {
            assert_eq!(got["images"][0]["imageManifest"], self.image.manifest.text());
            let pulled = self.wharf.fetch(url["downloadUrl"].as_str().unwrap()).await;
            assert!(pulled.body == self.image.layers[0]);
            self.guest.expect("app", "v1", &self.image).await;
            return true;
        }
        assert_eq!(got, Err(denied("ecr:BatchGetImage", "app")));
        assert_eq!(url, Err(denied("ecr:GetDownloadUrlForLayer", "app")));
        let refused = denied("ecr:BatchGetImage", "app").message;
        self.guest.manifest("app", "v1").await.refuses(403, "DENIED", &refused);
        let refused = denied("ecr:GetDownloadUrlForLayer", "app").message;
        self.guest.blob("app", &layer).await.refuses(403, "DENIED", &refused);
        false
    }
}

/// What the other account's root is told that nobody let in.
fn denied(action: &str, repository: &str) -> ApiError {
    let message = format!(
        "User: arn:aws:iam::{TENANT}:root is not authorized to perform: {action} on resource: \
         arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository} because no resource-based policy \
         allows the {action} action"
    );
    ApiError::plain("AccessDeniedException", &message)
}

/// What the own root is told that a policy keeps out.
fn kept_out(action: &str, resource: &str) -> ApiError {
    let message = format!(
        "User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: {action} on resource: \
         {resource} with an explicit deny in a resource-based policy"
    );
    ApiError::plain("AccessDeniedException", &message)
}

fn allow(who: &str, actions: &[&str]) -> Value {
    json!({ "Effect": "Allow", "Principal": { "AWS": who }, "Action": actions })
}

fn deny(who: &str, actions: &[&str]) -> Value {
    json!({ "Effect": "Deny", "Principal": { "AWS": who }, "Action": actions })
}

/// The same about all repositories, as the policy of a registry has to say.
fn everywhere(mut statement: Value) -> Value {
    statement["Resource"] = "*".into();
    statement
}

async fn another_account_pulls_by_the_policy_that_names_it_and_not_without(wharf: Wharf) {
    let two = Two::begin(wharf).await;
    assert!(!two.pulls().await);
    for who in [TENANT, &format!("arn:aws:iam::{TENANT}:root"), "*"] {
        two.set("app", json!([allow(who, &PULL)])).await;
        assert!(two.pulls().await, "{who}");
        two.set("app", json!([allow("111122223333", &PULL)])).await;
        assert!(!two.pulls().await, "{who}");
    }
    two.set("app", json!([allow("*", &PULL), deny(TENANT, &["ecr:BatchGetImage"])])).await;
    let ids = json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "v1" }] });
    let told = two.ask("BatchGetImage", ids).await.unwrap_err();
    assert!(told.message.ends_with("with an explicit deny in a resource-based policy"), "{told}");
    two.set("app", json!([allow(TENANT, &["ecr:Batch*", "ecr:Get*"])])).await;
    assert!(two.pulls().await);
    two.wharf.api("DeleteRepositoryPolicy", json!({ "repositoryName": "app" })).await.unwrap();
    assert!(!two.pulls().await);
}

async fn a_repository_policy_opens_one_repository_and_nothing_else(wharf: Wharf) {
    let two = Two::begin(wharf).await;
    two.wharf.repository("other").await;
    two.set("app", json!([allow(TENANT, &["ecr:*"])])).await;
    let other = Image::of("from the other account");
    two.guest.push_as("app", "v2", &other).await;
    two.wharf.v2().await.expect("app", "v2", &other).await;
    for name in ["other", "ghost"] {
        let told = two.ask("ListImages", json!({ "repositoryName": name })).await;
        assert_eq!(told, Err(denied("ecr:ListImages", name)), "nobody learns what is there");
    }
    let told = two.ask("DescribeRepositories", json!({})).await;
    assert_eq!(told, Err(denied("ecr:DescribeRepositories", "*")));
    let names = json!({ "repositoryNames": ["app"] });
    let told = two.ask("DescribeRepositories", names).await.unwrap();
    assert_eq!(told["repositories"][0]["registryId"], ACCOUNT);
    let told = two.ask("CreateRepository", json!({ "repositoryName": "app" })).await;
    assert_eq!(told, Err(denied("ecr:CreateRepository", "app")));
    // Its own registry is another one.
    let own = two.wharf.api_as(&two.tenant, "ListImages", json!({ "repositoryName": "app" })).await;
    assert_eq!(own.unwrap_err().code, "RepositoryNotFoundException");
}

async fn a_deny_binds_the_own_root_but_for_the_calls_that_repair_it(wharf: Wharf) {
    let two = Two::begin(wharf).await;
    two.set("app", json!([deny("*", &["*"])])).await;
    two.put(json!([everywhere(deny(ACCOUNT, &["ecr:*"]))])).await;
    let app = format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app");
    for (operation, action) in
        [("ListImages", "ecr:ListImages"), ("DeleteRepository", "ecr:DeleteRepository")]
    {
        let told = two.wharf.api(operation, json!({ "repositoryName": "app" })).await;
        assert_eq!(told, Err(kept_out(action, &app)));
    }
    let told = two.wharf.api("DescribeRegistry", json!({})).await;
    assert_eq!(told, Err(kept_out("ecr:DescribeRegistry", "*")));
    for operation in ["GetRegistryPolicy", "DeleteRegistryPolicy"] {
        two.wharf.api(operation, json!({})).await.unwrap();
    }
    two.wharf.api("DescribeRegistry", json!({})).await.unwrap();
    let v2 = two.wharf.v2().await;
    let message = kept_out("ecr:BatchGetImage", &app).message;
    v2.manifest("app", "v1").await.refuses(403, "DENIED", &message);
    for operation in ["GetRepositoryPolicy", "DeleteRepositoryPolicy"] {
        two.wharf.api(operation, json!({ "repositoryName": "app" })).await.unwrap();
    }
    v2.expect("app", "v1", &two.image).await;
}

async fn a_registry_policy_speaks_of_all_repositories_by_its_scope(wharf: Wharf) {
    let two = Two::begin(wharf).await;
    let scope = async |value: &str| {
        let input = json!({ "name": "REGISTRY_POLICY_SCOPE", "value": value });
        two.wharf.api("PutAccountSetting", input).await.unwrap();
    };
    two.put(json!([everywhere(allow(TENANT, &PULL))])).await;
    assert!(two.pulls().await);
    scope("V1").await;
    assert!(!two.pulls().await);
    scope("V2").await;
    assert!(two.pulls().await);
    let mut narrow = allow(TENANT, &PULL);
    for (resource, open) in [("ap?", true), ("other/*", false), ("a*", true)] {
        narrow["Resource"] = format!("arn:aws:ecr:*:{ACCOUNT}:repository/{resource}").into();
        two.put(json!([narrow])).await;
        assert_eq!(two.pulls().await, open, "{resource}");
    }
    // Both policies are one set: what one denies, the other cannot allow.
    two.set("app", json!([deny(TENANT, &["ecr:ListImages"]), allow(TENANT, &PULL)])).await;
    two.put(json!([everywhere(allow(TENANT, &["ecr:*"]))])).await;
    let told = two.ask("ListImages", json!({ "repositoryName": "app" })).await.unwrap_err();
    assert!(told.message.ends_with("with an explicit deny in a resource-based policy"), "{told}");
    two.wharf.api("DeleteRegistryPolicy", json!({})).await.unwrap();
    assert!(two.pulls().await, "by the repository's own");
}

async fn another_account_makes_a_repository_where_the_registry_policy_lets_it(wharf: Wharf) {
    let two = Two::begin(wharf).await;
    let create = async |name: &str, more: Value| {
        let mut input = more;
        input["repositoryName"] = name.into();
        two.ask("CreateRepository", input).await
    };
    assert_eq!(create("guest/a", json!({})).await, Err(denied("ecr:CreateRepository", "guest/a")));
    let mut statement = allow(TENANT, &["ecr:CreateRepository"]);
    statement["Resource"] = format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/guest/*").into();
    for scope in ["V1", "V2"] {
        let input = json!({ "name": "REGISTRY_POLICY_SCOPE", "value": scope });
        two.wharf.api("PutAccountSetting", input).await.unwrap();
        two.put(json!([statement])).await;
        let name = format!("guest/{}", scope.to_lowercase());
        let made = create(&name, json!({})).await.unwrap();
        assert_eq!(made["repository"]["registryId"], ACCOUNT);
        assert_eq!(create("other", json!({})).await, Err(denied("ecr:CreateRepository", "other")));
        // Tags are another right.
        let tags = json!({ "tags": [{ "Key": "team", "Value": "a" }] });
        let told = create("guest/tagged", tags).await;
        assert_eq!(told, Err(denied("ecr:TagResource", "guest/tagged")), "{scope}");
    }
}

/// Replication and pull-through will ask the gate for these.
async fn what_no_operation_asks_for_yet_is_decided_by_the_registry_policy(wharf: Wharf) {
    let two = Two::begin(wharf).await;
    let id = RegistryId { account: ACCOUNT.parse().unwrap(), region: REGION.parse().unwrap() };
    let origin = Origin {
        source: Source::UNKNOWN,
        user_agent: None,
        referer: None,
        region: id.region.clone(),
        now: two.wharf.clock.now(),
    };
    let root = Caller::root(TENANT.parse().unwrap(), two.tenant.id.clone());
    let requester = Requester {
        principal: Arc::new(Principal::root(root)),
        origin: Arc::new(origin),
        trail: Trail::default(),
    };
    let allowed = async |action: Action| {
        let ask = Ask { requester: &requester, action, facts: &[] };
        two.wharf.registry().authorise(ask, &id, id.resource("copies/app")).await.is_ok()
    };
    for action in [Action::REPLICATE_IMAGE, Action::BATCH_IMPORT_UPSTREAM_IMAGE] {
        for scope in ["V1", "V2"] {
            let input = json!({ "name": "REGISTRY_POLICY_SCOPE", "value": scope });
            two.wharf.api("PutAccountSetting", input).await.unwrap();
            for (resource, open) in [("copies/*", true), ("app", false)] {
                let mut statement = allow(TENANT, &[action.as_str()]);
                statement["Resource"] =
                    format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{resource}").into();
                two.put(json!([statement])).await;
                assert_eq!(allowed(action).await, open, "{scope} {action} {resource}");
                assert!(!allowed(Action::CREATE_REPOSITORY).await);
            }
        }
    }
}

async fn only_a_deny_of_a_registry_policy_concerns_tokens(wharf: Wharf) {
    let two = Two::begin(wharf).await;
    two.put(json!([everywhere(deny(ACCOUNT, &["ecr:GetAuthorizationToken"]))])).await;
    let told = two.wharf.api("GetAuthorizationToken", json!({})).await;
    assert_eq!(told, Err(kept_out("ecr:GetAuthorizationToken", "*")));
    // A token is had in the own registry, whatever the others say.
    two.wharf.api_as(&two.tenant, "GetAuthorizationToken", json!({})).await.unwrap();
}

async fn a_head_of_a_layer_needs_either_of_two_rights_and_no_deny(wharf: Wharf) {
    let two = Two::begin(wharf).await;
    let path = format!("/v2/app/blobs/{}", digest(&two.image.layers[0]));
    let (check, get) = ("ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer");
    for (statements, status) in [
        (json!([allow(TENANT, &["ecr:BatchGetImage"])]), 403),
        (json!([allow(TENANT, &[check])]), 200),
        (json!([allow(TENANT, &[get])]), 200),
        (json!([allow(TENANT, &[check, get])]), 200),
        (json!([allow(TENANT, &[check]), deny("*", &[get])]), 403),
        (json!([allow(TENANT, &[get]), deny("*", &[check])]), 403),
    ] {
        two.set("app", statements.clone()).await;
        assert_eq!(two.guest.head(&path).await.status, status, "{statements}");
    }
    let absent = format!("/v2/app/blobs/{}", digest(b"absent"));
    assert_eq!(two.guest.head(&absent).await.status, 403);
}

async fn a_condition_is_asked_of_the_request_as_it_is(wharf: Wharf) {
    let two = Two::begin(wharf).await;
    let arn = format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app");
    let tag = async |value: &str| {
        let tags = json!([{ "Key": "open", "Value": value }]);
        two.wharf.api("TagResource", json!({ "resourceArn": arn, "tags": tags })).await.unwrap();
    };
    for (condition, open) in [
        (json!({ "IpAddress": { "aws:SourceIp": "127.0.0.0/8" } }), true),
        (json!({ "NotIpAddress": { "aws:SourceIp": ["127.0.0.0/8", "::1/128"] } }), false),
        (json!({ "Bool": { "aws:SecureTransport": "true" } }), false),
        (json!({ "StringEquals": { "aws:PrincipalAccount": TENANT } }), true),
        (json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:root" } }), true),
        (json!({ "StringEquals": { "aws:RequestedRegion": "us-west-2" } }), false),
        (json!({ "StringEquals": { "ecr:ResourceTag/open": "yes" } }), false),
    ] {
        let mut statement = allow(TENANT, &PULL);
        statement["Condition"] = condition.clone();
        two.set("app", json!([statement])).await;
        assert_eq!(two.pulls().await, open, "{condition}");
    }
    for (value, open) in [("yes", true), ("no", false), ("yes", true)] {
        tag(value).await;
        assert_eq!(two.pulls().await, open, "{value}");
    }
}

async fn a_layer_is_not_mounted_out_of_a_repository_that_denies_it(wharf: Wharf) {
    let two = Two::begin(wharf).await;
    two.wharf.repository("target").await;
    let (v2, layer) = (two.wharf.v2().await, digest(&two.image.layers[0]));
    let path = format!("/v2/target/blobs/uploads/?mount={layer}&from=app");
    two.set("app", json!([deny(ACCOUNT, &["ecr:GetDownloadUrlForLayer"])])).await;
    // As if it were not there: an ordinary upload begins.
    assert_eq!(v2.post(&path, "").await.status, 202);
    two.wharf.api("DeleteRepositoryPolicy", json!({ "repositoryName": "app" })).await.unwrap();
    assert_eq!(v2.post(&path, "").await.status, 201);
}

/// What one replica is told holds at the other for the very next request.
async fn a_change_binds_at_every_replica(wharf: Wharf) {
    let two = Two::begin(wharf).await;
    let second = two.wharf.second().await;
    let host = format!("{ACCOUNT}.dkr.ecr.{REGION}.localhost:{}", second.address.port());
    let token = two.guest.authorization().strip_prefix("Basic ").map(str::to_owned);
    let there = V2::new(second.http.clone(), second.address, token).at_host(&host);
    for round in 0..10 {
        two.set("app", json!([allow(TENANT, &PULL)])).await;
        assert_eq!(there.manifest("app", "v1").await.status, 200, "{round}");
        two.set("app", json!([allow("111122223333", &PULL)])).await;
        assert_eq!(there.manifest("app", "v1").await.status, 403, "{round}");
        two.put(json!([everywhere(allow(TENANT, &PULL))])).await;
        assert_eq!(there.manifest("app", "v1").await.status, 200, "{round}");
        let scope = json!({ "name": "REGISTRY_POLICY_SCOPE", "value": "V1" });
        two.wharf.api("PutAccountSetting", scope).await.unwrap();
        assert_eq!(there.manifest("app", "v1").await.status, 403, "{round}");
        let scope = json!({ "name": "REGISTRY_POLICY_SCOPE", "value": "V2" });
        two.wharf.api("PutAccountSetting", scope).await.unwrap();
        assert_eq!(there.manifest("app", "v1").await.status, 200, "{round}");
        two.wharf.api("DeleteRegistryPolicy", json!({})).await.unwrap();
        assert_eq!(there.manifest("app", "v1").await.status, 403, "{round}");
    }
}

#[test]
fn a_change_binds_at_the_other_replica() {
    wharf_testkit::run(Engine::Postgres, a_change_binds_at_every_replica);
}
