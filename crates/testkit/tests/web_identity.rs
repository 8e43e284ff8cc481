//! Roles by the tokens of an issuer: which tokens are good, which are not, and how often and where
//! the issuer is asked.

use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use wharf_testkit::issuer::{CONFIGURATION, Issuer, KEYS, Key, Page, message};
use wharf_testkit::{ACCOUNT, ApiError, Credentials, REGION, Wharf, on_both, query};

on_both![
    a_good_token_gets_a_session,
    a_bad_token_gets_none,
    what_a_role_asks_of_claims,
    tags_and_source_identity_come_with_the_token,
    rotated_keys_are_found_and_the_issuer_is_not_asked_too_often,
    keys_serve_on_while_the_issuer_is_away,
    an_issuer_that_answers_oddly_has_no_keys,
    nothing_private_is_reached_unless_allowed,
];

const ROLE: &str = "arn:aws:iam::123456789012:role/deploy";
const SUBJECT: &str = "repo:acme/app:ref:refs/heads/main";
const NOT_AUTHORIZED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
const NO_KEY: &str = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";
const INVALID: &str = "The web identity token provided could not be validated. See the AssumeRoleWithWebIdentity documentation for requirements.";

/// An issuer that the server reaches and that the account has registered.
async fn issuer(wharf: &mut Wharf, keys: &[&Key]) -> Issuer {
    let issuer = Issuer::start(keys).await;
    let ca = issuer.ca_file().display().to_string();
    wharf.restart_with(&[("outbound_allow", "localhost"), ("outbound_ca_file", &ca)]).await;
    register(wharf, &issuer.url).await.unwrap();
    issuer
}

async fn register(wharf: &Wharf, url: &str) -> Result<Value, ApiError> {
    let form = [("Url", url), ("ClientIDList.member.1", "sts.amazonaws.com")];
    wharf.iam("CreateOpenIDConnectProvider", &form).await
}

/// The role deploy, which trusts the issuer under a condition.
async fn role(wharf: &Wharf, url: &str, actions: &[&str], condition: Value) {
    let provider = url.strip_prefix("https://").unwrap();
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": actions, "Condition": condition,
        "Principal": { "Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}") },
    }]})
    .to_string();
    let form = [("RoleName", "deploy"), ("AssumeRolePolicyDocument", &trust)];
    wharf.iam("CreateRole", &form).await.unwrap();
    let policy = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "ecr:*", "Resource": "*", "Condition": { "StringLike": {
            "aws:FederatedProvider": "arn:aws:iam::*:oidc-provider/localhost:*" } },
    }]})
    .to_string();
    let form = [("RoleName", "deploy"), ("PolicyName", "ecr"), ("PolicyDocument", &policy)];
    wharf.iam("PutRolePolicy", &form).await.unwrap();
}

const ASSUME: &[&str] = &["sts:AssumeRoleWithWebIdentity"];

async fn assume(wharf: &Wharf, token: &str) -> Result<Value, ApiError> {
    assume_role(wharf, token, ROLE, &[]).await
}

async fn assume_role(
    wharf: &Wharf,
    token: &str,
    role: &str,
    more: &[(&str, &str)],
) -> Result<Value, ApiError> {
    let form = [&[("RoleArn", role), ("RoleSessionName", "ci"), ("WebIdentityToken", token)], more]
        .concat();
    query::call(wharf, None, "sts", "AssumeRoleWithWebIdentity", &form).await
}

fn refused(code: &str, message: &str) -> Result<Value, ApiError> {
    let status = if code == "AccessDenied" { 403 } else { 400 };
    Err(ApiError { status, ..ApiError::plain(code, message) })
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    claims
}

async fn a_good_token_gets_a_session(mut wharf: Wharf) {
    let keys = [
        Key::new("es", Algorithm::ES256),
        Key::new("rs", Algorithm::RS256),
        Key::new("ps", Algorithm::PS384),
    ];
    let issuer = issuer(&mut wharf, &keys.iter().collect::<Vec<_>>()).await;
    role(&wharf, &issuer.url, ASSUME, json!({})).await;
    let claims = issuer.claims(wharf.clock.now());
    for key in &keys {
        let made = assume(&wharf, &key.token(&claims)).await.unwrap();
        assert_eq!(made["SubjectFromWebIdentityToken"], SUBJECT);
        assert_eq!(made["Audience"], "sts.amazonaws.com");
        let provider = issuer.url.strip_prefix("https://").unwrap();
        let arn = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{provider}");
        assert_eq!(made["Provider"], arn);
        let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/deploy/ci");
        assert_eq!(made["AssumedRoleUser"]["Arn"], session);
        let text = |name: &str| made["Credentials"][name].as_str().unwrap().to_owned();
        let own = Credentials {
            id: text("AccessKeyId"),
            secret: text("SecretAccessKey"),
            region: REGION.to_owned(),
            token: Some(text("SessionToken")),
        };
        let told = wharf.sts_as(&own, "GetCallerIdentity", &[]).await.unwrap();
        assert_eq!(told["Arn"], session);
        wharf.api_as(&own, "DescribeRepositories", json!({})).await.unwrap();
    }
    assert_eq!((issuer.asked(CONFIGURATION), issuer.asked(KEYS)), (1, 1), "keys are kept");
    let token = keys[0].token(&claims);
    let told = assume_role(&wharf, &token, ROLE, &[("DurationSeconds", "3601")]).await;
    let sentence =
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    assert_eq!(told, refused("ValidationError", sentence));
    assume_role(&wharf, &token, ROLE, &[("DurationSeconds", "900")]).await.unwrap();
}

async fn a_bad_token_gets_none(mut wharf: Wharf) {
    let (es, rs) = (Key::new("es", Algorithm::ES256), Key::new("rs", Algorithm::RS256));
    let issuer = issuer(&mut wharf, &[&es, &rs]).await;
    role(&wharf, &issuer.url, ASSUME, json!({})).await;
    let now = wharf.clock.now() / 1000;
    let claims = issuer.claims(wharf.clock.now());
    let header = |alg: &str, kid: &str| json!({ "alg": alg, "kid": kid });
    let good = es.token(&claims);
    let (unsigned, signature) = good.rsplit_once('.').unwrap();
    // The public key as a secret, in each form in which a careless server might take it.
    let public = rs.public();
    let hmac = |secret: &[u8]| {
        let message = message(&header("HS256", "rs"), &claims);
        let key = EncodingKey::from_secret(secret);
        let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
        format!("{message}.{signature}")
    };
    let stranger = Key::new("es", Algorithm::ES256);
    let mut own_key = header("ES256", "es");
    own_key["jwk"] = stranger.public();
    let mut own_address = header("ES256", "es");
    own_address["jku"] = json!(format!("{}/keys", issuer.url));
    let mut critical = header("ES256", "es");
    critical["crit"] = json!(["b64"]);
    let changed = {
        let other = message(&header("ES256", "es"), &with(&claims, "sub", json!("repo:evil/app")));
        format!("{other}.{signature}")
    };
    let no_token = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
    let elsewhere = "https://elsewhere.example";
    let unknown = format!("No OpenIDConnect provider found in your account for {elsewhere}");
    let expired = |expires: i64| {
        format!(
            "Token expired: current date/time {now} must be before the expiration date/time{expires}"
        )
    };
    let early = |claim: &str, from: i64| {
        format!("Token is not yet valid: current date/time {now} must not be before {claim} {from}")
    };
    let missing =
        |name: &str| format!("The claim {name} of the token is missing or not of the right type");
    let signed = |name: &str, value: Value| es.token(&with(&claims, name, value));
    let mut table: Vec<(&str, String, &str, String)> = vec![
        ("no token", "not.a".into(), "InvalidIdentityToken", no_token.into()),
        ("four parts", format!("{good}.x"), "InvalidIdentityToken", no_token.into()),
        ("no signature", format!("{unsigned}."), "InvalidIdentityToken", INVALID.into()),
        ("another's signature", changed, "InvalidIdentityToken", INVALID.into()),
        (
            "alg none",
            format!("{}.", message(&header("none", "es"), &claims)),
            "InvalidIdentityToken",
            INVALID.into(),
        ),
        (
            "HMAC by the modulus",
            hmac(public["n"].as_str().unwrap().as_bytes()),
            "InvalidIdentityToken",
            INVALID.into(),
        ),
        (
            "HMAC by the JWK",
            hmac(public.to_string().as_bytes()),
            "InvalidIdentityToken",
            INVALID.into(),
        ),
        (
            "a foreign key under a known name",
            stranger.token(&claims),
            "InvalidIdentityToken",
            INVALID.into(),
        ),
        (
            "a foreign key in the header",
            stranger.token_with(&own_key, &claims),
            "InvalidIdentityToken",
            INVALID.into(),
        ),
        (
            "an address of keys in the header",
            stranger.token_with(&own_address, &claims),
            "InvalidIdentityToken",
            INVALID.into(),
        ),
        (
            "something critical",
            es.token_with(&critical, &claims),
            "InvalidIdentityToken",
            INVALID.into(),
        ),
        (
            "RS256 by a key for ES256",
            rs.token_with(&header("RS256", "es"), &claims),
            "InvalidIdentityToken",
            INVALID.into(),
        ),
        (
            "RS512 by a key for RS256",
            rs.token_with(&header("RS512", "rs"), &claims),
            "InvalidIdentityToken",
            INVALID.into(),
        ),
        (
            "an unknown key",
            es.token_with(&header("ES256", "other"), &claims),
            "InvalidIdentityToken",
            NO_KEY.into(),
        ),
        (
            "no name of a key among two",
            es.token_with(&json!({ "alg": "ES256" }), &claims),
            "InvalidIdentityToken",
            NO_KEY.into(),
        ),
        ("another issuer", signed("iss", json!(elsewhere)), "InvalidIdentityToken", unknown),
        ("no issuer", signed("iss", Value::Null), "InvalidIdentityToken", no_token.into()),
        ("expired", signed("exp", json!(now)), "ExpiredTokenException", expired(now)),
        (
            "issued in the future",
            signed("iat", json!(now + 301)),
            "InvalidIdentityToken",
            early("iat", now + 301),
        ),
        (
            "not yet good",
            signed("nbf", json!(now + 1)),
            "InvalidIdentityToken",
            early("nbf", now + 1),
        ),
    ];
    for name in ["exp", "iat", "sub", "aud"] {
        table.push((
            "a claim is missing",
            signed(name, Value::Null),
            "InvalidIdentityToken",
            missing(name),
        ));
        let wrong = signed(name, json!({ "x": 1 }));
        table.push(("a claim is of another type", wrong, "InvalidIdentityToken", missing(name)));
    }
    for audience in [json!("other"), json!(["other", "more"]), json!([])] {
        table.push((
            "another audience",
            signed("aud", audience),
            "InvalidIdentityToken",
            "Incorrect token audience".into(),
        ));
    }
    table.push((
        "another authorised party",
        signed("azp", json!("other")),
        "InvalidIdentityToken",
        "Incorrect token audience".into(),
    ));
    table.push(("amr is no list", signed("amr", json!(1)), "InvalidIdentityToken", missing("amr")));
    for (told, token, code, message) in table {
        assert_eq!(assume(&wharf, &token).await, refused(code, &message), "{told}");
    }
    for fine in [
        good.clone(),
        signed("nbf", Value::Null),
        signed("iat", json!(now + 300)),
        signed("exp", json!(now as f64 + 0.5)),
        signed("aud", json!(["other", "sts.amazonaws.com"])),
        signed("azp", json!("sts.amazonaws.com")),
    ] {
        assume(&wharf, &fine).await.unwrap();
    }
    let told = assume_role(&wharf, &good, ROLE, &[("ProviderId", "www.amazon.com")]).await;
    assert_eq!(told.unwrap_err().code, "ValidationError");
}

async fn what_a_role_asks_of_claims(mut wharf: Wharf) {
    let key = Key::new("k", Algorithm::ES256);
    let issuer = issuer(&mut wharf, &[&key]).await;
    let prefix = issuer.url.strip_prefix("https://").unwrap().to_owned();
    let condition = json!({
        "StringEquals": { format!("{prefix}:aud"): "sts.amazonaws.com", format!("{prefix}:ref_protected"): "true" },
        "StringLike": { format!("{prefix}:sub"): "repo:acme/app:*" },
        "NumericEquals": { format!("{prefix}:run"): "7" },
        "ForAnyValue:StringEquals": { format!("{prefix}:groups"): ["deployers"] },
        "Null": { format!("{prefix}:nested"): "true", "aws:PrincipalArn": "true" },
    });
    role(&wharf, &issuer.url, ASSUME, condition).await;
    let mut claims = issuer.claims(wharf.clock.now());
    for (name, value) in [
        ("ref_protected", json!(true)),
        ("run", json!(7)),
        ("groups", json!(["builders", "deployers"])),
        ("nested", json!({ "a": 1 })),
    ] {
        claims[name] = value;
    }
    assume(&wharf, &key.token(&claims)).await.unwrap();
    let denied = refused("AccessDenied", NOT_AUTHORIZED);
    for (name, value) in [
        ("sub", json!("repo:acme/other:ref:refs/heads/main")),
        ("ref_protected", json!("false")),
        ("run", json!(8)),
        ("groups", json!(["builders"])),
        ("groups", Value::Null),
    ] {
        let told = assume(&wharf, &key.token(&with(&claims, name, value))).await;
        assert_eq!(told, denied, "{name}");
    }
    // A role that is not there, of an account that has the provider, is refused in the same words.
    let token = key.token(&claims);
    let absent = "arn:aws:iam::123456789012:role/absent";
    let long = [("DurationSeconds", "43200")];
    assert_eq!(assume_role(&wharf, &token, absent, &long).await, denied);
    let token = key.token(&with(&claims, "sub", json!("repo:evil/app")));
    assert_eq!(assume_role(&wharf, &token, ROLE, &long).await, denied);
    let other = "arn:aws:iam::999999999999:role/deploy";
    let unknown = format!("No OpenIDConnect provider found in your account for {}", issuer.url);
    let told = assume_role(&wharf, &token, other, &[]).await;
    assert_eq!(told, refused("InvalidIdentityToken", &unknown));
}

async fn tags_and_source_identity_come_with_the_token(mut wharf: Wharf) {
    let key = Key::new("k", Algorithm::ES256);
    let issuer = issuer(&mut wharf, &[&key]).await;
    role(&wharf, &issuer.url, ASSUME, json!({})).await;
    let claims = issuer.claims(wharf.clock.now());
    let tags = json!({ "principal_tags": { "team": ["red"] }, "transitive_tag_keys": ["team"] });
    let tagged = with(&claims, "https://aws.amazon.com/tags", tags);
    let named = with(&claims, "https://aws.amazon.com/source_identity", json!("octocat"));
    let denied = refused("AccessDenied", NOT_AUTHORIZED);
    assert_eq!(assume(&wharf, &key.token(&tagged)).await, denied, "tags need a right");
    assert_eq!(assume(&wharf, &key.token(&named)).await, denied, "so does a source identity");
    wharf.iam("DeleteRolePolicy", &[("RoleName", "deploy"), ("PolicyName", "ecr")]).await.unwrap();
    wharf.iam("DeleteRole", &[("RoleName", "deploy")]).await.unwrap();
    let all = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"];
    let condition = json!({ "StringEqualsIfExists": { "aws:RequestTag/team": "red" } });
    role(&wharf, &issuer.url, &all, condition).await;
    let made = assume(&wharf, &key.token(&named)).await.unwrap();
    assert_eq!(made["SourceIdentity"], "octocat");
    assume(&wharf, &key.token(&tagged)).await.unwrap();
    let blue = json!({ "principal_tags": { "team": ["blue"] } });
    let blue = with(&claims, "https://aws.amazon.com/tags", blue);
    assert_eq!(assume(&wharf, &key.token(&blue)).await, denied);
    for odd in [json!("x"), json!({ "principal_tags": { "team": ["a", "b"] } })] {
        let odd = with(&claims, "https://aws.amazon.com/tags", odd);
        let told = assume(&wharf, &key.token(&odd)).await.unwrap_err();
        assert_eq!(told.code, "InvalidIdentityToken");
    }
}

async fn rotated_keys_are_found_and_the_issuer_is_not_asked_too_often(mut wharf: Wharf) {
    let (old, new) = (Key::new("old", Algorithm::ES256), Key::new("new", Algorithm::ES256));
    let issuer = issuer(&mut wharf, &[&old]).await;
    role(&wharf, &issuer.url, ASSUME, json!({})).await;
    let claims = issuer.claims(wharf.clock.now());
    assume(&wharf, &old.token(&claims)).await.unwrap();
    issuer.publish(&[&new]);
    for _ in 0..5 {
        let told = assume(&wharf, &new.token(&claims)).await;
        assert_eq!(told, refused("InvalidIdentityToken", NO_KEY), "it was asked just now");
        assume(&wharf, &old.token(&claims)).await.unwrap();
    }
    assert_eq!(issuer.asked(KEYS), 1);
    wharf.clock.advance(Duration::from_secs(60));
    assume(&wharf, &new.token(&claims)).await.unwrap();
    assert_eq!(issuer.asked(KEYS), 2);
    let told = assume(&wharf, &old.token(&claims)).await;
    assert_eq!(told, refused("InvalidIdentityToken", NO_KEY), "what was withdrawn is not taken");
    let made_up = Key::new("made up", Algorithm::ES256);
    for _ in 0..20 {
        assert!(assume(&wharf, &made_up.token(&claims)).await.is_err());
    }
    assert_eq!(issuer.asked(KEYS), 2, "however many names of keys are made up");
}

async fn keys_serve_on_while_the_issuer_is_away(mut wharf: Wharf) {
    let key = Key::new("k", Algorithm::ES256);
    let issuer = issuer(&mut wharf, &[&key]).await;
    role(&wharf, &issuer.url, ASSUME, json!({})).await;
    let mut claims = issuer.claims(wharf.clock.now());
    claims["exp"] = json!(wharf.clock.now() / 1000 + 200_000);
    let token = key.token(&claims);
    assume(&wharf, &token).await.unwrap();
    issuer.show(KEYS, Page { status: 503, ..Page::default() });
    wharf.clock.advance(Duration::from_secs(60 * 60 - 1));
    assume(&wharf, &token).await.unwrap();
    assert_eq!(issuer.asked(KEYS), 1);
    wharf.clock.advance(Duration::from_secs(1));
    for _ in 0..3 {
        assume(&wharf, &token).await.unwrap();
    }
    assert_eq!(issuer.asked(KEYS), 2, "asked again after an hour, in vain, and then not at once");
    wharf.clock.advance(Duration::from_secs(23 * 60 * 60));
    assert_eq!(assume(&wharf, &token).await, refused("InvalidIdentityToken", NO_KEY));
    issuer.publish(&[&key]);
    assert_eq!(assume(&wharf, &token).await, refused("InvalidIdentityToken", NO_KEY));
    wharf.clock.advance(Duration::from_secs(5));
    assume(&wharf, &token).await.unwrap();
    // One that is gone for good: the connection is refused.
    drop(issuer);
    wharf.restart().await;
    let told = assume(&wharf, &token).await.unwrap_err();
    assert!(
        matches!(told.code.as_str(), "IDPCommunicationError" | "InvalidIdentityToken"),
        "{told}"
    );
}

async fn an_issuer_that_answers_oddly_has_no_keys(mut wharf: Wharf) {
    let key = Key::new("k", Algorithm::ES256);
    let issuer = issuer(&mut wharf, &[&key]).await;
    role(&wharf, &issuer.url, ASSUME, json!({})).await;
    let good = json!({ "issuer": issuer.url, "jwks_uri": format!("{}{KEYS}", issuer.url) });
    let odd = [
        Page { status: 302, location: format!("{}/moved", issuer.url), body: Vec::new() },
        Page { status: 404, ..Page::default() },
        Page { status: 200, body: b"{".to_vec(), ..Page::default() },
        Page { status: 200, body: vec![b' '; 1024 * 1024 + 1], ..Page::default() },
        json_page(&with(&good, "issuer", json!("https://other.example"))),
        json_page(&with(&good, "jwks_uri", Value::Null)),
        json_page(&with(&good, "jwks_uri", json!(issuer.url.replace("https:", "http:")))),
        json_page(&with(&good, "jwks_uri", json!("file:///etc/passwd"))),
        json_page(&with(&good, "jwks_uri", json!("https://169.254.169.254/latest"))),
        json_page(&with(&good, "jwks_uri", json!("https://127.0.0.1:1/keys"))),
    ];
    issuer.page("/moved", &good);
    for page in odd {
        wharf.clock.advance(Duration::from_secs(60));
        let told = String::from_utf8_lossy(&page.body[..page.body.len().min(200)]).into_owned();
        issuer.show(CONFIGURATION, page);
        let token = key.token(&issuer.claims(wharf.clock.now()));
        let refusal = assume(&wharf, &token).await.unwrap_err();
        let codes = ["InvalidIdentityToken", "IDPCommunicationError"];
        assert!(codes.contains(&refusal.code.as_str()), "{told}: {refusal}");
        // What is on the way is not for the world to know.
        assert!(!refusal.message.contains("169.254"), "{refusal}");
    }
    assert_eq!((issuer.asked(KEYS), issuer.asked("/moved")), (0, 0));
    wharf.clock.advance(Duration::from_secs(60));
    issuer.page(CONFIGURATION, &good);
    // A symmetric key, and one of a kind that nobody knows, are passed over.
    let oct = json!({ "kty": "oct", "kid": "k", "k": "c2VjcmV0" });
    let new = json!({ "kty": "PQC", "kid": "q", "x": "?" });
    issuer.page(KEYS, &json!({ "keys": [oct, new, key.public()] }));
    assume(&wharf, &key.token(&issuer.claims(wharf.clock.now()))).await.unwrap();
}

fn json_page(body: &Value) -> Page {
    Page { status: 200, body: body.to_string().into_bytes(), ..Page::default() }
}

async fn nothing_private_is_reached_unless_allowed(mut wharf: Wharf) {
    let key = Key::new("k", Algorithm::ES256);
    let issuer = Issuer::start(&[&key]).await;
    let ca = issuer.ca_file().display().to_string();
    wharf.restart_with(&[("outbound_ca_file", &ca)]).await;
    let told = register(&wharf, &issuer.url).await.unwrap_err();
    assert_eq!((told.code.as_str(), told.status), ("InvalidInput", 400), "no ports: {told}");
    // Registered while it was allowed, which it is no more.
    wharf.restart_with(&[("outbound_allow", "localhost"), ("outbound_ca_file", &ca)]).await;
    register(&wharf, &issuer.url).await.unwrap();
    role(&wharf, &issuer.url, ASSUME, json!({})).await;
    wharf.restart_with(&[("outbound_ca_file", &ca)]).await;
    let token = key.token(&issuer.claims(wharf.clock.now()));
    assert_eq!(assume(&wharf, &token).await, refused("InvalidIdentityToken", NO_KEY));
    for url in ["https://localhost", "https://127.0.0.1", "https://10.0.0.1", "https://[::1]"] {
        register(&wharf, url).await.unwrap();
        let claims = with(&issuer.claims(wharf.clock.now()), "iss", json!(url));
        // Refused, and not tried in vain, which would be an error of communication.
        let told = assume(&wharf, &key.token(&claims)).await;
        assert_eq!(told, refused("InvalidIdentityToken", NO_KEY), "{url}");
    }
    assert_eq!(issuer.asked(CONFIGURATION), 0);
    // Allowed, and under an authority that nobody here knows.
    wharf.restart_with(&[("outbound_allow", "127.0.0.0/8,::1,localhost")]).await;
    assert_eq!(assume(&wharf, &token).await.unwrap_err().code, "IDPCommunicationError");
    assert_eq!(issuer.asked(CONFIGURATION), 0);
    wharf.restart_with(&[("outbound_allow", "localhost"), ("outbound_ca_file", &ca)]).await;
    assume(&wharf, &token).await.unwrap();
}
