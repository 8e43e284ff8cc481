//! Sessions at work: who may begin one, what it may do at both doors, and what ends it.

use std::time::Duration;

use aws_sigv4::http_request::{SignatureLocation, SigningSettings};
use http::Request;
use serde_json::{Value, json};
use wharf_testkit::http::whole;
use wharf_testkit::{ACCOUNT, ApiError, Credentials, Image, REGION, Wharf, api, on_both, query};

on_both![
    a_role_is_assumed_by_whom_it_trusts,
    who_is_not_trusted_learns_nothing,
    conditions_on_the_request_decide,
    a_chain_lasts_an_hour_and_hands_tags_on,
    session_policies_narrow_at_both_doors,
    what_session_policies_may_be,
    a_session_ends_everywhere_at_once,
    temporary_credentials_are_told_apart,
    a_session_of_a_user_is_the_user,
    a_federated_user_has_what_the_policy_leaves,
    a_key_tells_its_account,
    a_presigned_call_carries_its_token,
];

const ROLE: &str = "arn:aws:iam::123456789012:role/team/ci";
const ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// A trust policy: these principals may do these actions, under this condition.
fn trust(who: Value, actions: &[&str], condition: Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": { "AWS": who }, "Action": actions, "Condition": condition,
    }]})
    .to_string()
}

fn allow(actions: &[&str], resource: &str) -> String {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": actions, "Resource": resource,
    }]})
    .to_string()
}

/// The user alice with a key, without rights.
async fn alice(wharf: &Wharf) -> Credentials {
    wharf.iam("CreateUser", &[("UserName", "alice")]).await.unwrap();
    let made = wharf.iam("CreateAccessKey", &[("UserName", "alice")]).await.unwrap();
    let text = |name: &str| made["AccessKey"][name].as_str().unwrap().to_owned();
    let (id, secret) = (text("AccessKeyId"), text("SecretAccessKey"));
    Credentials { id, secret, region: REGION.to_owned(), token: None }
}

/// The role ci with this trust policy, allowed everything.
async fn role(wharf: &Wharf, trust: &str) {
    let form = [("RoleName", "ci"), ("Path", "/team/"), ("AssumeRolePolicyDocument", trust)];
    wharf.iam("CreateRole", &form).await.unwrap();
    let form = [("RoleName", "ci"), ("PolicyName", "all"), ("PolicyDocument", ALL)];
    wharf.iam("PutRolePolicy", &form).await.unwrap();
}

fn session(answer: &Value) -> Credentials {
    let text = |name: &str| answer["Credentials"][name].as_str().unwrap().to_owned();
    Credentials {
        id: text("AccessKeyId"),
        secret: text("SecretAccessKey"),
        region: REGION.to_owned(),
        token: Some(text("SessionToken")),
    }
}

async fn assume(
    wharf: &Wharf,
    own: &Credentials,
    more: &[(&str, &str)],
) -> Result<Value, ApiError> {
    let form = [&[("RoleArn", ROLE), ("RoleSessionName", "build-7")], more].concat();
    wharf.sts_as(own, "AssumeRole", &form).await
}

fn error(code: &str, status: u16, message: &str) -> ApiError {
    ApiError { status, ..ApiError::plain(code, message) }
}

fn not_authorized(who: &str, action: &str) -> ApiError {
    let sentence =
        format!("User: {who} is not authorized to perform: {action} on resource: {ROLE}");
    error("AccessDenied", 403, &sentence)
}

async fn identity(wharf: &Wharf, own: &Credentials) -> Result<String, ApiError> {
    let told = wharf.sts_as(own, "GetCallerIdentity", &[]).await?;
    Ok(told["Arn"].as_str().unwrap().to_owned())
}

async fn a_role_is_assumed_by_whom_it_trusts(wharf: Wharf) {
    let alice = alice(&wharf).await;
    let user = "arn:aws:iam::123456789012:user/alice";
    role(&wharf, &trust(json!(user), &["sts:AssumeRole"], json!({}))).await;
    let made = assume(&wharf, &alice, &[]).await.unwrap();
    let arn = "arn:aws:sts::123456789012:assumed-role/ci/build-7";
    assert_eq!(made["AssumedRoleUser"]["Arn"], arn);
    assert!(made.get("PackedPolicySize").is_none() && made.get("SourceIdentity").is_none());
    let own = session(&made);
    assert!(own.id.starts_with("ASIA"));
    let told = wharf.sts_as(&own, "GetCallerIdentity", &[]).await.unwrap();
    assert_eq!((&told["Arn"], &told["Account"]), (&json!(arn), &json!(ACCOUNT)));
    assert_eq!(told["UserId"], made["AssumedRoleUser"]["AssumedRoleId"]);
    assert!(told["UserId"].as_str().unwrap().ends_with(":build-7"));
    wharf.api_as(&own, "CreateRepository", json!({ "repositoryName": "app" })).await.unwrap();
    let (v2, image) = (wharf.v2_as(&own).await, Image::of("app"));
    v2.push_as("app", "v1", &image).await;
    v2.expect("app", "v1", &image).await;
    let by_role = query::call(&wharf, Some(&own), "iam", "GetUser", &[("UserName", "alice")]).await;
    assert_eq!(by_role.unwrap()["User"]["Arn"], user, "a role may use IAM");
    // An account that is named delegates: its own policies must allow too.
    let form = [
        ("RoleName", "ci"),
        ("PolicyDocument", &trust(json!(ACCOUNT), &["sts:AssumeRole"], json!({}))),
    ];
    wharf.iam("UpdateAssumeRolePolicy", &form).await.unwrap();
    assert_eq!(assume(&wharf, &alice, &[]).await, Err(not_authorized(user, "sts:AssumeRole")));
    let policy = allow(&["sts:AssumeRole"], ROLE);
    let form = [("UserName", "alice"), ("PolicyName", "assume"), ("PolicyDocument", &policy)];
    wharf.iam("PutUserPolicy", &form).await.unwrap();
    assume(&wharf, &alice, &[]).await.unwrap();
}

async fn who_is_not_trusted_learns_nothing(wharf: Wharf) {
    let alice = alice(&wharf).await;
    let user = "arn:aws:iam::123456789012:user/alice";
    let form = [("UserName", "alice"), ("PolicyName", "all"), ("PolicyDocument", ALL)];
    wharf.iam("PutUserPolicy", &form).await.unwrap();
    let refused = Err(not_authorized(user, "sts:AssumeRole"));
    assert_eq!(assume(&wharf, &alice, &[]).await, refused, "there is no role");
    let root = "arn:aws:iam::123456789012:role/other";
    let form = [
        ("RoleName", "other"),
        ("AssumeRolePolicyDocument", &trust(json!(user), &["sts:AssumeRole"], json!({}))),
    ];
    wharf.iam("CreateRole", &form).await.unwrap();
    role(&wharf, &trust(json!([root]), &["sts:AssumeRole"], json!({}))).await;
    for more in [&[][..], &[("DurationSeconds", "43200")], &[("Policy", "{}")]] {
        assert_eq!(assume(&wharf, &alice, more).await, refused, "it trusts another: {more:?}");
    }
    // The path is a part of the name.
    let form = [("RoleArn", "arn:aws:iam::123456789012:role/ci"), ("RoleSessionName", "build-7")];
    let told = wharf.sts_as(&alice, "AssumeRole", &form).await.unwrap_err();
    assert!(told.message.ends_with("on resource: arn:aws:iam::123456789012:role/ci"), "{told}");
    let own = wharf.credentials().clone();
    let told = assume(&wharf, &own, &[]).await;
    let root = error("AccessDenied", 403, "Roles may not be assumed by root accounts.");
    assert_eq!(told, Err(root));
    let form = [("RoleArn", "arn:aws:iam::123456789012:user/alice"), ("RoleSessionName", "x-y")];
    let told = wharf.sts_as(&alice, "AssumeRole", &form).await;
    let invalid = "arn:aws:iam::123456789012:user/alice is invalid";
    assert_eq!(told, Err(error("ValidationError", 400, invalid)));
    let told = assume(
        &wharf,
        &alice,
        &[("SerialNumber", "arn:aws:iam::1:mfa/a"), ("TokenCode", "123456")],
    )
    .await;
    assert_eq!(told.unwrap_err().code, "AccessDenied");
}

async fn conditions_on_the_request_decide(wharf: Wharf) {
    let alice = alice(&wharf).await;
    let user = json!("arn:aws:iam::123456789012:user/alice");
    let actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    let condition = json!({ "StringEquals": {
        "sts:ExternalId": "s3cret", "sts:RoleSessionName": "build-7", "aws:RequestTag/team": "red",
        "sts:SourceIdentity": "alice", "aws:ResourceAccount": ACCOUNT,
    }, "NumericLessThan": { "sts:DurationSeconds": "2000" } });
    role(&wharf, &trust(user.clone(), &actions, condition)).await;
    let right = [
        ("ExternalId", "s3cret"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "red"),
        ("SourceIdentity", "alice"),
        ("DurationSeconds", "900"),
    ];
    let made = assume(&wharf, &alice, &right).await.unwrap();
    assert_eq!(made["SourceIdentity"], "alice");
    assert_eq!(made["PackedPolicySize"], "1");
    for (left_out, (name, _)) in right.iter().enumerate().filter(|(at, _)| *at != 1 && *at != 2) {
        let mut fewer = right.to_vec();
        fewer.remove(left_out);
        let told = assume(&wharf, &alice, &fewer).await.unwrap_err();
        assert_eq!(told.code, "AccessDenied", "without {name}");
    }
    // Tags and a source identity need rights of their own.
    let form =
        [("RoleName", "ci"), ("PolicyDocument", &trust(user, &["sts:AssumeRole"], json!({})))];
    wharf.iam("UpdateAssumeRolePolicy", &form).await.unwrap();
    let who = "arn:aws:iam::123456789012:user/alice";
    let told = assume(&wharf, &alice, &right[1..3]).await;
    assert_eq!(told, Err(not_authorized(who, "sts:TagSession")));
    let told = assume(&wharf, &alice, &right[3..4]).await;
    assert_eq!(told, Err(not_authorized(who, "sts:SetSourceIdentity")));
    assume(&wharf, &alice, &[]).await.unwrap();
}

async fn a_chain_lasts_an_hour_and_hands_tags_on(wharf: Wharf) {
    let alice = alice(&wharf).await;
    let actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    role(&wharf, &trust(json!("*"), &actions, json!({}))).await;
    let form = [("RoleName", "ci"), ("MaxSessionDuration", "7200")];
    wharf.iam("UpdateRole", &form).await.unwrap();
    let too_long =
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    let told = assume(&wharf, &alice, &[("DurationSeconds", "7201")]).await;
    assert_eq!(told, Err(error("ValidationError", 400, too_long)));
    let first = [
        ("DurationSeconds", "7200"),
        ("Tags.member.1.Key", "Team"),
        ("Tags.member.1.Value", "red"),
        ("Tags.member.2.Key", "Stage"),
        ("Tags.member.2.Value", "prod"),
        ("TransitiveTagKeys.member.1", "Team"),
        ("SourceIdentity", "alice"),
    ];
    let first = session(&assume(&wharf, &alice, &first).await.unwrap());
    let chained = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    let told = assume(&wharf, &first, &[("DurationSeconds", "3601")]).await;
    assert_eq!(told, Err(error("ValidationError", 400, chained)));
    let second = assume(&wharf, &first, &[("DurationSeconds", "3600")]).await.unwrap();
    assert_eq!(second["SourceIdentity"], "alice", "it stays");
    let other = [("SourceIdentity", "bob")];
    assert_eq!(assume(&wharf, &first, &other).await.unwrap_err().code, "ValidationError");
    let again = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "blue")];
    let told = assume(&wharf, &first, &again).await;
    let conflict = "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.";
    assert_eq!(told, Err(error("InvalidParameterValue", 400, conflict)));
    // What the second session may do depends on the tag that came along.
    let policy = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ecr:CreateRepository", "Resource": "*", "Condition": {
            "StringEquals": { "aws:PrincipalTag/Team": "red", "aws:SourceIdentity": "alice" },
            "Null": { "aws:PrincipalTag/Stage": "true", "aws:TokenIssueTime": "false" } } },
    ]});
    let policy = policy.to_string();
    let form = [("RoleName", "ci"), ("PolicyName", "all"), ("PolicyDocument", &policy)];
    wharf.iam("PutRolePolicy", &form).await.unwrap();
    let create = json!({ "repositoryName": "app" });
    let told = wharf.api_as(&first, "CreateRepository", create.clone()).await;
    assert_eq!(told.unwrap_err().code, "AccessDeniedException", "it has the other tag too");
    wharf.api_as(&session(&second), "CreateRepository", create).await.unwrap();
}

async fn session_policies_narrow_at_both_doors(wharf: Wharf) {
    let alice = alice(&wharf).await;
    role(&wharf, &trust(json!("*"), &["sts:AssumeRole"], json!({}))).await;
    wharf.repository("app").await;
    let (root, image) = (wharf.v2().await, Image::of("app"));
    root.push_as("app", "v1", &image).await;
    let pull = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*" },
        { "Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
          "Resource": format!("arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app") },
    ]});
    let more = [("Policy", pull.to_string()), ("DurationSeconds", "900".to_owned())];
    let more: Vec<(&str, &str)> =
        more.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let made = assume(&wharf, &alice, &more).await.unwrap();
    let percent: u32 = made["PackedPolicySize"].as_str().unwrap().parse().unwrap();
    assert!((1..=100).contains(&percent));
    let own = session(&made);
    let answer = wharf.api_as(&own, "GetAuthorizationToken", json!({})).await.unwrap();
    let expires = answer["authorizationData"][0]["expiresAt"].as_f64().unwrap();
    let now = wharf.clock.now() as f64 / 1000.0;
    assert!(expires - now <= 900.0, "the token is as short-lived as the session");
    let v2 = wharf.v2_as(&own).await;
    v2.expect("app", "v1", &image).await;
    let who = "arn:aws:sts::123456789012:assumed-role/ci/build-7";
    let sentence = format!(
        "User: {who} is not authorized to perform: ecr:InitiateLayerUpload on resource: \
         arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app because no session policy allows the \
         ecr:InitiateLayerUpload action"
    );
    v2.post("/v2/app/blobs/uploads/", "").await.refuses(403, "DENIED", &sentence);
    let told = wharf.api_as(&own, "DescribeRepositories", json!({})).await.unwrap_err();
    assert!(told.message.contains("no session policy allows"), "{told}");
    // A link that the session made is good for as long as the session.
    let digest = wharf_testkit::image::digest(&image.layers[0]);
    let input = json!({ "repositoryName": "app", "layerDigest": digest });
    let link = wharf.api_as(&own, "GetDownloadUrlForLayer", input).await.unwrap();
    let link = link["downloadUrl"].as_str().unwrap();
    assert_eq!(wharf.fetch(link).await.status, 200);
    wharf.clock.advance(Duration::from_secs(900));
    assert!(matches!(wharf.fetch(link).await.status, 401 | 403));
    let expired = "Your authorization token has expired. Reauthenticate and try again.";
    v2.get("/v2/app/manifests/v1").await.refuses(403, "DENIED", expired);
}

async fn what_session_policies_may_be(wharf: Wharf) {
    let alice = alice(&wharf).await;
    role(&wharf, &trust(json!("*"), &["sts:AssumeRole"], json!({}))).await;
    let sized = |length: usize| {
        let text = allow(&["ecr:*"], "*");
        let filling = " ".repeat(length - text.len());
        format!("{text}{filling}")
    };
    assume(&wharf, &alice, &[("Policy", &sized(2048))]).await.unwrap();
    let told = assume(&wharf, &alice, &[("Policy", &sized(2049))]).await.unwrap_err();
    assert_eq!((told.code.as_str(), told.status), ("ValidationError", 400));
    assert!(told.message.ends_with("Member must have length less than or equal to 2048"));
    let told = assume(&wharf, &alice, &[("Policy", "{}")]).await.unwrap_err();
    assert_eq!((told.code.as_str(), told.status), ("MalformedPolicyDocument", 400), "{told}");
    let read_only = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly";
    let both = [("Policy", sized(2048)), ("PolicyArns.member.1.arn", read_only.to_owned())];
    let both: Vec<(&str, &str)> =
        both.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let told = assume(&wharf, &alice, &both).await;
    let packed = "Packed policy consumes 103% of allotted space, please use smaller policy.";
    assert_eq!(told, Err(error("PackedPolicyTooLarge", 400, packed)));
    let absent = "arn:aws:iam::123456789012:policy/absent";
    let told = assume(&wharf, &alice, &[("PolicyArns.member.1.arn", absent)]).await;
    let absent = format!("Policy {absent} does not exist or is not attachable.");
    assert_eq!(told, Err(error("MalformedPolicyDocument", 400, &absent)));
    let slip = [("PolicyArns.member.1.Arn", read_only)];
    let told = assume(&wharf, &alice, &slip).await.unwrap_err();
    assert!(told.message.contains("'policyArns.1.member.arn'"), "{told}");
    let names: Vec<String> = (1..=11).map(|n| format!("PolicyArns.member.{n}.arn")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), read_only)).collect();
    assert_eq!(assume(&wharf, &alice, &many).await.unwrap_err().code, "ValidationError");
    let own = session(&assume(&wharf, &alice, &many[..10]).await.unwrap());
    wharf.api_as(&own, "DescribeRepositories", json!({})).await.unwrap();
    let told = wharf.api_as(&own, "CreateRepository", json!({ "repositoryName": "app" })).await;
    assert!(told.unwrap_err().message.contains("no session policy allows"));
}

async fn a_session_ends_everywhere_at_once(wharf: Wharf) {
    let alice = alice(&wharf).await;
    let trust = trust(json!("*"), &["sts:AssumeRole"], json!({}));
    role(&wharf, &trust).await;
    let own = session(&assume(&wharf, &alice, &[]).await.unwrap());
    let v2 = wharf.v2_as(&own).await;
    assert_eq!(v2.get("/v2/").await.status, 200);
    let form = [("UserName", "alice"), ("AccessKeyId", &*alice.id), ("Status", "Inactive")];
    wharf.iam("UpdateAccessKey", &form).await.unwrap();
    identity(&wharf, &own).await.expect("the key that began it is not what it lives by");
    // Rights follow the role's policies from the next call on.
    let form = [("RoleName", "ci"), ("PolicyName", "all")];
    wharf.iam("DeleteRolePolicy", &form).await.unwrap();
    let told = wharf.api_as(&own, "DescribeRepositories", json!({})).await.unwrap_err();
    assert!(told.message.contains("because no identity-based policy allows"), "{told}");
    wharf.iam("DeleteRole", &[("RoleName", "ci")]).await.unwrap();
    let invalid = "The security token included in the request is invalid.";
    for _ in ["deleted", "made anew"] {
        let told = identity(&wharf, &own).await;
        assert_eq!(told, Err(error("InvalidClientTokenId", 403, invalid)));
        let told = wharf.api_as(&own, "DescribeRepositories", json!({})).await;
        assert_eq!(told, Err(ApiError::plain("UnrecognizedClientException", invalid)));
        let gone = "The principal of this authorization token is no longer active. \
                    Reauthenticate and try again.";
        v2.get("/v2/").await.refuses(403, "DENIED", gone);
        if wharf.iam("GetRole", &[("RoleName", "ci")]).await.is_err() {
            role(&wharf, &trust).await;
        }
    }
}

async fn temporary_credentials_are_told_apart(wharf: Wharf) {
    let root = wharf.credentials().clone();
    let made = wharf.sts_as(&root, "GetSessionToken", &[("DurationSeconds", "900")]).await.unwrap();
    let one = session(&made);
    let other = session(&wharf.sts_as(&root, "GetSessionToken", &[]).await.unwrap());
    identity(&wharf, &one).await.unwrap();
    let with = |token: Option<&String>| Credentials { token: token.cloned(), ..one.clone() };
    let mut damaged = one.token.clone().unwrap();
    damaged.replace_range(20..21, if damaged.as_bytes()[20] == b'A' { "B" } else { "A" });
    let of_root = Credentials { token: one.token.clone(), ..root.clone() };
    let invalid = "The security token included in the request is invalid.";
    for (wrong, told) in [
        (with(None), "without a token"),
        (with(other.token.as_ref()), "with another's token"),
        (with(Some(&damaged)), "with a damaged token"),
        (with(Some(&"x".to_owned())), "with no token at all"),
        (of_root, "a long-term key with a token"),
    ] {
        let refused = identity(&wharf, &wrong).await;
        assert_eq!(refused, Err(error("InvalidClientTokenId", 403, invalid)), "{told}");
        let refused = wharf.api_as(&wrong, "DescribeRepositories", json!({})).await;
        let expected = ApiError::plain("UnrecognizedClientException", invalid);
        assert_eq!(refused, Err(expected), "{told}");
    }
    let wrong = Credentials { secret: other.secret.clone(), ..one.clone() };
    assert_eq!(identity(&wharf, &wrong).await.unwrap_err().code, "SignatureDoesNotMatch");
    wharf.clock.advance(Duration::from_secs(900));
    let expired = "The security token included in the request is expired";
    let told = identity(&wharf, &one).await;
    assert_eq!(told, Err(error("ExpiredToken", 403, expired)));
    let told = wharf.api_as(&one, "DescribeRepositories", json!({})).await;
    assert_eq!(told, Err(ApiError::plain("ExpiredTokenException", expired)));
    identity(&wharf, &other).await.unwrap();
    wharf.clock.advance(Duration::from_secs(2700));
    assert_eq!(identity(&wharf, &other).await.unwrap_err().code, "ExpiredToken", "a root's hour");
}

async fn a_session_of_a_user_is_the_user(wharf: Wharf) {
    let alice = alice(&wharf).await;
    let form = [("UserName", "alice"), ("PolicyName", "all"), ("PolicyDocument", ALL)];
    wharf.iam("PutUserPolicy", &form).await.unwrap();
    let own = session(&wharf.sts_as(&alice, "GetSessionToken", &[]).await.unwrap());
    let user = "arn:aws:iam::123456789012:user/alice";
    assert_eq!(identity(&wharf, &own).await.unwrap(), user);
    wharf.api_as(&own, "CreateRepository", json!({ "repositoryName": "app" })).await.unwrap();
    let told = query::call(&wharf, Some(&own), "iam", "ListUsers", &[]).await;
    assert_eq!(told.unwrap_err().code, "InvalidClientTokenId", "not in IAM");
    query::call(&wharf, Some(&alice), "iam", "ListUsers", &[]).await.unwrap();
    for action in ["GetSessionToken", "GetFederationToken", "GetAccessKeyInfo"] {
        let form = [("Name", "guest"), ("AccessKeyId", &*own.id)];
        let told = wharf.sts_as(&own, action, &form).await;
        let sentence = format!("Cannot call {action} with session credentials");
        assert_eq!(told, Err(error("AccessDenied", 403, &sentence)));
    }
    role(&wharf, &trust(json!(user), &["sts:AssumeRole"], json!({}))).await;
    let form = [("RoleName", "ci"), ("MaxSessionDuration", "7200")];
    wharf.iam("UpdateRole", &form).await.unwrap();
    let told = assume(&wharf, &own, &[("DurationSeconds", "7200")]).await;
    assert_eq!(told.unwrap_err().code, "ValidationError", "it is a chain");
    assume(&wharf, &own, &[]).await.unwrap();
    wharf.clock.advance(Duration::from_secs(43_199));
    identity(&wharf, &own).await.unwrap();
    wharf.clock.advance(Duration::from_secs(1));
    assert_eq!(identity(&wharf, &own).await.unwrap_err().code, "ExpiredToken");
}

async fn a_federated_user_has_what_the_policy_leaves(wharf: Wharf) {
    let alice = alice(&wharf).await;
    let form = [("Name", "guest"), ("Policy", ALL)];
    let told = wharf.sts_as(&alice, "GetFederationToken", &form).await.unwrap_err();
    let sentence = "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: \
                    sts:GetFederationToken on resource: \
                    arn:aws:sts::123456789012:federated-user/guest because no identity-based policy \
                    allows the sts:GetFederationToken action";
    assert_eq!(told, error("AccessDenied", 403, sentence));
    let policy = allow(&["sts:GetFederationToken", "ecr:DescribeRepositories"], "*");
    let put = [("UserName", "alice"), ("PolicyName", "some"), ("PolicyDocument", &policy)];
    wharf.iam("PutUserPolicy", &put).await.unwrap();
    let made = wharf.sts_as(&alice, "GetFederationToken", &form).await.unwrap();
    let arn = "arn:aws:sts::123456789012:federated-user/guest";
    assert_eq!(made["FederatedUser"]["Arn"], arn);
    assert_eq!(made["FederatedUser"]["FederatedUserId"], "123456789012:guest");
    let own = session(&made);
    assert_eq!(identity(&wharf, &own).await.unwrap(), arn);
    wharf.api_as(&own, "DescribeRepositories", json!({})).await.unwrap();
    let create = json!({ "repositoryName": "app" });
    let told = wharf.api_as(&own, "CreateRepository", create.clone()).await.unwrap_err();
    assert!(told.message.contains("because no identity-based policy allows"), "{told}");
    let bare = wharf.sts_as(&alice, "GetFederationToken", &form[..1]).await.unwrap();
    let told = wharf.api_as(&session(&bare), "DescribeRepositories", json!({})).await.unwrap_err();
    assert!(told.message.contains("because no session policy allows"), "{told}");
    let told = assume(&wharf, &own, &[]).await.unwrap_err();
    assert_eq!(told.code, "AccessDenied");
    // The root's guests may do what their policy says: a narrower registry token for anybody.
    let root = wharf.credentials().clone();
    let narrow = allow(&["ecr:CreateRepository"], "*");
    let form = [("Name", "guest"), ("Policy", narrow.as_str())];
    let own = session(&wharf.sts_as(&root, "GetFederationToken", &form).await.unwrap());
    wharf.api_as(&own, "CreateRepository", create).await.unwrap();
    let told = wharf.api_as(&own, "DescribeRepositories", json!({})).await.unwrap_err();
    assert!(told.message.contains("because no session policy allows"), "{told}");
}

async fn a_key_tells_its_account(wharf: Wharf) {
    let (root, alice) = (wharf.credentials().clone(), alice(&wharf).await);
    let made = session(&wharf.sts_as(&root, "GetSessionToken", &[]).await.unwrap());
    for id in [&root.id, &alice.id, &made.id] {
        let told = wharf.sts_as(&root, "GetAccessKeyInfo", &[("AccessKeyId", id)]).await.unwrap();
        assert_eq!(told["Account"], ACCOUNT, "{id}");
    }
    let form = [("AccessKeyId", "AKIA0000000000000000")];
    let told = wharf.sts_as(&root, "GetAccessKeyInfo", &form).await.unwrap_err();
    assert_eq!(told.code, "ValidationError");
    let form = [("AccessKeyId", &*root.id)];
    let told = wharf.sts_as(&alice, "GetAccessKeyInfo", &form).await.unwrap_err();
    assert_eq!(told.code, "AccessDenied");
}

async fn a_presigned_call_carries_its_token(wharf: Wharf) {
    let root = wharf.credentials().clone();
    let own = session(&wharf.sts_as(&root, "GetSessionToken", &[]).await.unwrap());
    let presigned = |own: &Credentials| {
        let form = query::body("sts", "GetCallerIdentity", &[]);
        let request = Request::get(format!("http://{}/?{form}", wharf.address))
            .header("host", wharf.address.to_string())
            .body(Vec::new())
            .unwrap();
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_secs(60));
        api::signed_for("sts", settings, request, own, &wharf.clock)
    };
    let ask = async |request: Request<Vec<u8>>| {
        let response = wharf.http.send(request.map(whole)).await.unwrap();
        query::read("GetCallerIdentity", &response)
    };
    let request = presigned(&own);
    assert!(request.uri().to_string().contains("X-Amz-Security-Token="), "{}", request.uri());
    assert_eq!(ask(request).await.unwrap()["Account"], ACCOUNT);
    let without = presigned(&Credentials { token: None, ..own });
    assert_eq!(ask(without).await.unwrap_err().code, "InvalidClientTokenId");
}
