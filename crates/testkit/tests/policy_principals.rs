//! Users and roles in policies of ECR: named by ARN, meant by the id that is never used twice.

use serde_json::{Value, json};
use wharf_identity::{Entity, Kind, New, Owner};
use wharf_policy::AccountId;
use wharf_testkit::{ACCOUNT, ApiError, Credentials, Engine, Image, REGION, Wharf, on_both, query};

on_both![
    a_user_that_is_named_needs_no_policy_of_its_own,
    a_policy_follows_who_is_renamed_and_not_the_name,
    who_is_gone_is_told_by_id_and_the_new_one_inherits_nothing,
    a_role_is_told_by_its_present_name_in_both_kinds_of_policy,
    a_deny_hits_the_user_that_it_names_and_no_other,
    a_user_may_lock_itself_out_by_force_alone,
    a_session_is_let_in_by_its_role_and_by_its_own_name,
    who_takes_a_role_made_anew_inherits_nothing,
    a_user_of_another_account_needs_both_halves,
];

fn account() -> AccountId {
    ACCOUNT.parse().unwrap()
}

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{kind}/{name}")
}

/// A user with a key.
async fn user(wharf: &Wharf, path: &str, name: &str) -> (Entity, Credentials) {
    let new = New { name: name.to_owned(), path: Some(path.to_owned()), ..New::default() };
    let identity = wharf.identity();
    let made = identity.create_user(&account(), &new, wharf.clock.now()).await.unwrap();
    let owner = Owner { account: &account(), user: Some(&made.id) };
    let (key, secret) = identity.create_key(owner, wharf.clock.now()).await.unwrap();
    (made, Credentials { id: key.id, secret, region: REGION.to_owned(), ..Credentials::default() })
}

async fn delete(wharf: &Wharf, user: &Entity, credentials: &Credentials) {
    let (identity, account) = (wharf.identity(), account());
    let owner = Owner { account: &account, user: Some(&user.id) };
    identity.delete_key(owner, &credentials.id).await.unwrap();
    identity.delete_user(&account, &user.name).await.unwrap();
}

fn policy(effect: &str, who: &[&str], action: &str) -> String {
    let who = json!({ "AWS": who });
    json!({ "Statement": [
        { "Effect": effect, "Principal": who, "Action": action, "Resource": "*" },
    ] })
    .to_string()
}

/// Sets the policy of `app`, and gives the principals as they are told.
async fn set(wharf: &Wharf, text: &str) -> Value {
    let input = json!({ "repositoryName": "app", "policyText": text });
    principals(wharf.api("SetRepositoryPolicy", input).await)
}

async fn told(wharf: &Wharf) -> Value {
    principals(wharf.api("GetRepositoryPolicy", json!({ "repositoryName": "app" })).await)
}

fn principals(answer: Result<Value, ApiError>) -> Value {
    let answer = answer.unwrap();
    let policy: Value = serde_json::from_str(answer["policyText"].as_str().unwrap()).unwrap();
    policy["Statement"][0]["Principal"]["AWS"].clone()
}

async fn lists(wharf: &Wharf, who: &Credentials) -> Result<Value, ApiError> {
    wharf.api_as(who, "ListImages", json!({ "repositoryName": "app" })).await
}

fn denied(user: &str) -> Result<Value, ApiError> {
    let message = format!(
        "User: {} is not authorized to perform: ecr:ListImages on resource: \
         arn:aws:ecr:{REGION}:{ACCOUNT}:repository/app because no identity-based policy allows \
         the ecr:ListImages action",
        arn("user", user)
    );
    Err(ApiError::plain("AccessDeniedException", &message))
}

async fn a_user_that_is_named_needs_no_policy_of_its_own(wharf: Wharf) {
    wharf.repository("app").await;
    let (_, alice) = user(&wharf, "/", "alice").await;
    let (_, bob) = user(&wharf, "/", "bob").await;
    assert_eq!(lists(&wharf, &alice).await, denied("alice"));
    let name = arn("user", "alice");
    assert_eq!(set(&wharf, &policy("Allow", &[&name], "ecr:ListImages")).await, json!([name]));
    lists(&wharf, &alice).await.unwrap();
    assert_eq!(lists(&wharf, &bob).await, denied("bob"));
    // The account by itself only hands the decision on to the user's own policies.
    for who in [ACCOUNT, &arn("user", "bob")] {
        set(&wharf, &policy("Allow", &[who], "ecr:ListImages")).await;
        assert_eq!(lists(&wharf, &alice).await, denied("alice"), "{who}");
    }
    // Of all forms of the name only the exact one is somebody.
    for nobody in [arn("user", "Alice"), arn("user", "team/alice"), arn("role", "alice")] {
        let text = policy("Allow", &[&nobody], "ecr:ListImages");
        let input = json!({ "repositoryName": "app", "policyText": text });
        let refused = wharf.api("SetRepositoryPolicy", input).await.unwrap_err();
        assert_eq!(refused.code, "InvalidParameterException", "{nobody}");
    }
}

async fn a_policy_follows_who_is_renamed_and_not_the_name(mut wharf: Wharf) {
    wharf.repository("app").await;
    let (made, alice) = user(&wharf, "/team/", "alice").await;
    set(&wharf, &policy("Allow", &[&arn("user", "team/alice"), ACCOUNT], "ecr:ListImages")).await;
    let (name, path) = (Some("alicia"), Some("/"));
    let identity = wharf.identity();
    identity.rename(&account(), Kind::User, "alice", name, path).await.unwrap();
    assert_eq!(told(&wharf).await, json!([arn("user", "alicia"), ACCOUNT]));
    lists(&wharf, &alice).await.unwrap();
    let (_, other) = user(&wharf, "/team/", "alice").await;
    assert_eq!(lists(&wharf, &other).await, denied("team/alice"));
    wharf.restart().await;
    lists(&wharf, &alice).await.unwrap();
    // Who knows the id may name it.
    let set = set(&wharf, &policy("Allow", &[&made.id], "ecr:ListImages")).await;
    assert_eq!(set, json!([arn("user", "alicia")]));
    lists(&wharf, &alice).await.unwrap();
}

async fn who_is_gone_is_told_by_id_and_the_new_one_inherits_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    let (made, alice) = user(&wharf, "/", "alice").await;
    let name = arn("user", "alice");
    set(&wharf, &policy("Allow", &[&name], "ecr:ListImages")).await;
    delete(&wharf, &made, &alice).await;
    assert_eq!(lists(&wharf, &alice).await.unwrap_err().code, "UnrecognizedClientException");
    assert_eq!(told(&wharf).await, json!([made.id]));
    let (_, heir) = user(&wharf, "/", "alice").await;
    assert_eq!(lists(&wharf, &heir).await, denied("alice"));
    assert_eq!(told(&wharf).await, json!([made.id]));
    let text = policy("Allow", &[&made.id], "ecr:ListImages");
    let input = json!({ "repositoryName": "app", "policyText": text });
    let refused = wharf.api("SetRepositoryPolicy", input).await.unwrap_err();
    assert_eq!(refused.code, "InvalidParameterException", "an id of nobody");
    set(&wharf, &policy("Allow", &[&name], "ecr:ListImages")).await;
    lists(&wharf, &heir).await.unwrap();
}

async fn a_role_is_told_by_its_present_name_in_both_kinds_of_policy(wharf: Wharf) {
    wharf.repository("app").await;
    let new = New { name: "ci".to_owned(), path: Some("/build/".to_owned()), ..New::default() };
    let trust = policy("Allow", &[ACCOUNT], "sts:AssumeRole").replace(",\"Resource\":\"*\"", "");
    let identity = wharf.identity();
    let now = wharf.clock.now();
    let role = identity.create_role(&account(), &new, &trust, None, now).await.unwrap();
    let name = arn("role", "build/ci");
    let text = policy("Allow", &[&name, "*"], "ecr:ListImages");
    assert_eq!(set(&wharf, &text).await, json!([name, "*"]));
    let put = wharf.api("PutRegistryPolicy", json!({ "policyText": text })).await;
    assert_eq!(principals(put), json!([name, "*"]));
    identity.delete_role(&account(), "ci").await.unwrap();
    let gone = json!([role.entity.id, "*"]);
    assert_eq!(told(&wharf).await, gone);
    for operation in ["GetRegistryPolicy", "DeleteRegistryPolicy"] {
        assert_eq!(principals(wharf.api(operation, json!({})).await), gone, "{operation}");
    }
}

async fn a_deny_hits_the_user_that_it_names_and_no_other(wharf: Wharf) {
    wharf.repository("app").await;
    wharf.v2().await.push_as("app", "v1", &Image::of("app")).await;
    let (_, alice) = user(&wharf, "/", "alice").await;
    let (_, bob) = user(&wharf, "/", "bob").await;
    let names = [arn("user", "alice"), arn("user", "bob")];
    let allow = json!({ "Effect": "Allow", "Principal": { "AWS": names }, "Action": "ecr:*" });
    let deny = json!({ "Effect": "Deny", "Principal": { "AWS": names[0] },
        "Action": "ecr:BatchGetImage" });
    set(&wharf, &json!({ "Statement": [allow, deny] }).to_string()).await;
    let get = async |who: &Credentials| {
        let input = json!({ "repositoryName": "app", "imageIds": [{ "imageTag": "v1" }] });
        wharf.api_as(who, "BatchGetImage", input).await
    };
    get(&bob).await.unwrap();
    lists(&wharf, &alice).await.unwrap();
    let refused = get(&alice).await.unwrap_err();
    assert!(
        refused.message.ends_with("with an explicit deny in a resource-based policy"),
        "{refused}"
    );
}

async fn a_user_may_lock_itself_out_by_force_alone(wharf: Wharf) {
    wharf.repository("app").await;
    let (_, alice) = user(&wharf, "/", "alice").await;
    let own = policy("Allow", &[&arn("user", "alice")], "ecr:*");
    let without = policy("Allow", &[&arn("user", "alice")], "ecr:List*");
    set(&wharf, &own).await;
    let set = async |text: &str, force: bool| {
        let input = json!({ "repositoryName": "app", "policyText": text, "force": force });
        wharf.api_as(&alice, "SetRepositoryPolicy", input).await
    };
    set(&own, false).await.unwrap();
    let refused = set(&without, false).await.unwrap_err();
    assert!(refused.message.contains("keep you from setting another one"), "{refused}");
    set(&without, true).await.unwrap();
    let refused = set(&own, true).await.unwrap_err();
    assert_eq!(refused.code, "AccessDeniedException");
}

/// A role that the user may take, under this boundary.
async fn role(wharf: &Wharf, user: &str, boundary: Option<&str>) {
    let trust = json!({ "Statement": { "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": { "AWS": user } }, "Version": "2012-10-17" });
    let trust = trust.to_string();
    let mut form = vec![("RoleName", "ci"), ("AssumeRolePolicyDocument", &trust)];
    form.extend(boundary.map(|arn| ("PermissionsBoundary", arn)));
    wharf.iam("CreateRole", &form).await.unwrap();
}

/// A session of the role, with this session policy.
async fn session(wharf: &Wharf, user: &Credentials, policy: Option<&str>) -> Credentials {
    let arn = arn("role", "ci");
    let mut form = vec![("RoleArn", arn.as_str()), ("RoleSessionName", "build")];
    form.extend(policy.map(|text| ("Policy", text)));
    let made = wharf.sts_as(user, "AssumeRole", &form).await.unwrap();
    let text = |name: &str| made["Credentials"][name].as_str().unwrap().to_owned();
    let (id, secret) = (text("AccessKeyId"), text("SecretAccessKey"));
    let token = Some(text("SessionToken"));
    Credentials { id, secret, token, region: REGION.to_owned() }
}

async fn a_session_is_let_in_by_its_role_and_by_its_own_name(wharf: Wharf) {
    wharf.repository("app").await;
    let (made, alice) = user(&wharf, "/", "alice").await;
    let read_only = "arn:aws:iam::aws:policy/IAMReadOnlyAccess";
    role(&wharf, &made.arn(), None).await;
    let narrow = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow",
        "Action": "ecr:BatchGetImage", "Resource": "*" } })
    .to_string();
    let (whole, narrowed) =
        (session(&wharf, &alice, None).await, session(&wharf, &alice, Some(&narrow)).await);
    let refusal = |error: ApiError| error.message.rsplit(" because ").next().unwrap().to_owned();
    let outcomes = async || {
        let mut outcomes = Vec::new();
        for who in [&whole, &narrowed] {
            outcomes.push(lists(&wharf, who).await.map(drop).map_err(refusal));
        }
        outcomes
    };
    let silent = |kind: &str| Err(format!("no {kind} allows the ecr:ListImages action"));
    assert_eq!(
        outcomes().await,
        [silent("identity-based policy"), silent("identity-based policy")]
    );
    // The role's name lets in what its caps leave; the session's own name is not capped.
    set(&wharf, &policy("Allow", &[&arn("role", "ci")], "ecr:ListImages")).await;
    assert_eq!(outcomes().await, [Ok(()), silent("session policy")]);
    let form = [("RoleName", "ci"), ("PermissionsBoundary", read_only)];
    wharf.iam("PutRolePermissionsBoundary", &form).await.unwrap();
    assert_eq!(outcomes().await, [silent("permissions boundary"), silent("permissions boundary")]);
    let own = format!("arn:aws:sts::{ACCOUNT}:assumed-role/ci/build");
    assert_eq!(set(&wharf, &policy("Allow", &[&own], "ecr:ListImages")).await, json!([own]));
    assert_eq!(outcomes().await, [Ok(()), Ok(())]);
    let other = format!("arn:aws:sts::{ACCOUNT}:assumed-role/ci/other");
    set(&wharf, &policy("Allow", &[&other], "ecr:ListImages")).await;
    assert_eq!(
        outcomes().await,
        [silent("identity-based policy"), silent("identity-based policy")]
    );
}

async fn who_takes_a_role_made_anew_inherits_nothing(wharf: Wharf) {
    wharf.repository("app").await;
    let (made, alice) = user(&wharf, "/", "alice").await;
    role(&wharf, &made.arn(), None).await;
    set(&wharf, &policy("Allow", &[&arn("role", "ci")], "ecr:ListImages")).await;
    let before = session(&wharf, &alice, None).await;
    lists(&wharf, &before).await.unwrap();
    wharf.iam("DeleteRole", &[("RoleName", "ci")]).await.unwrap();
    role(&wharf, &made.arn(), None).await;
    lists(&wharf, &before).await.unwrap_err();
    let after = session(&wharf, &alice, None).await;
    assert_eq!(lists(&wharf, &after).await.unwrap_err().code, "AccessDeniedException");
    set(&wharf, &policy("Allow", &[&arn("role", "ci")], "ecr:ListImages")).await;
    lists(&wharf, &after).await.unwrap();
}

async fn a_user_of_another_account_needs_both_halves(mut wharf: Wharf) {
    const TENANT: &str = "999999999999";
    let tenant = wharf.second_account(TENANT).await;
    wharf.repository("app").await;
    let iam = async |action: &str, form: &[(&str, &str)]| {
        query::call(&wharf, Some(&tenant), "iam", action, form).await.unwrap()
    };
    iam("CreateUser", &[("UserName", "xena")]).await;
    let key = iam("CreateAccessKey", &[("UserName", "xena")]).await;
    let text = |name: &str| key["AccessKey"][name].as_str().unwrap().to_owned();
    let (id, secret) = (text("AccessKeyId"), text("SecretAccessKey"));
    let xena = Credentials { id, secret, region: REGION.to_owned(), ..Credentials::default() };
    let name = format!("arn:aws:iam::{TENANT}:user/xena");
    let lists = async || {
        let input = json!({ "repositoryName": "app", "registryId": ACCOUNT });
        let told = wharf.api_as(&xena, "ListImages", input).await.map(drop);
        told.map_err(|error| error.message.rsplit(" because no ").next().unwrap().to_owned())
    };
    let silent = |kind: &str| Err(format!("{kind} allows the ecr:ListImages action"));
    for who in [TENANT, name.as_str(), "*"] {
        assert_eq!(lists().await, silent("resource-based policy"), "{who}");
        assert_eq!(set(&wharf, &policy("Allow", &[who], "ecr:ListImages")).await, json!([who]));
        assert_eq!(lists().await, silent("identity-based policy"), "{who}");
        let own = json!({ "Version": "2012-10-17", "Statement": { "Effect": "Allow",
            "Action": "ecr:ListImages", "Resource": "*" } })
        .to_string();
        let form = [("UserName", "xena"), ("PolicyName", "own"), ("PolicyDocument", &own)];
        iam("PutUserPolicy", &form).await;
        assert_eq!(lists().await, Ok(()), "{who}");
        wharf.api("DeleteRepositoryPolicy", json!({ "repositoryName": "app" })).await.unwrap();
        assert_eq!(lists().await, silent("resource-based policy"), "{who}");
        iam("DeleteUserPolicy", &[("UserName", "xena"), ("PolicyName", "own")]).await;
    }
}

/// Who is deleted at one replica is nobody at the other, and in its policies an id.
async fn the_other_replica_knows_at_once(wharf: Wharf) {
    wharf.repository("app").await;
    let second = wharf.second().await;
    let (made, alice) = user(&wharf, "/", "alice").await;
    set(&wharf, &policy("Allow", &[&arn("user", "alice")], "ecr:ListImages")).await;
    lists(&second, &alice).await.unwrap();
    delete(&wharf, &made, &alice).await;
    assert_eq!(lists(&second, &alice).await.unwrap_err().code, "UnrecognizedClientException");
    assert_eq!(told(&second).await, json!([made.id]));
}

#[test]
fn a_deleted_user_is_nobody_at_the_other_replica() {
    wharf_testkit::run(Engine::Postgres, the_other_replica_knows_at_once);
}
