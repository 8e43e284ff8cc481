//! Policies of repositories and registries as documents: what is accepted, how it is told, and
//! every refusal in ECR's words. What they do to requests is in `policies_at_work`.

use serde_json::{Value, json};
use wharf_db::{Statement, statement, tx};
use wharf_registry::check::{Flaw, Options};
use wharf_testkit::{ACCOUNT, ApiError, V2, Wharf, on_both};

on_both![
    a_policy_is_printed_as_ecr_prints_it,
    a_policy_is_replaced_and_removed_and_then_there_is_none,
    whatever_is_wrong_with_a_policy_has_one_sentence,
    what_looks_odd_and_is_allowed,
    a_policy_has_at_most_ten_kibibytes,
    the_scope_says_which_actions_a_registry_policy_may_name,
    a_repository_takes_its_policy_with_it,
    a_missing_repository_is_told_by_each,
    a_registry_policy_belongs_to_one_registry,
    who_would_lock_itself_out_needs_force,
    a_damaged_policy_is_a_fault_and_never_none,
];

const REPOSITORY: [&str; 3] =
    ["SetRepositoryPolicy", "GetRepositoryPolicy", "DeleteRepositoryPolicy"];
const REGISTRY: [&str; 3] = ["PutRegistryPolicy", "GetRegistryPolicy", "DeleteRegistryPolicy"];
const TENANT: &str = "999999999999";

/// A statement in a document of its own.
fn document(statement: Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

/// A statement that is right in both kinds of policy.
fn right() -> Value {
    json!({ "Effect": "Allow", "Principal": "*", "Action": "ecr:CreateRepository",
        "Resource": "*" })
}

/// Calls one of the three operations of a kind, on the repository `app` where there is one to name.
async fn call(wharf: &Wharf, operation: &str, text: Option<&str>) -> Result<Value, ApiError> {
    let mut input = json!({});
    if REPOSITORY.contains(&operation) {
        input["repositoryName"] = "app".into();
    }
    if let Some(text) = text {
        input["policyText"] = text.into();
    }
    wharf.api(operation, input).await
}

fn refusal(operation: &str) -> ApiError {
    let kind = if REPOSITORY.contains(&operation) { "repository" } else { "registry" };
    parameter("PolicyText", &format!("Invalid {kind} policy provided"))
}

fn parameter(path: &str, reason: &str) -> ApiError {
    let message = format!("Invalid parameter at '{path}' failed to satisfy constraint: '{reason}'");
    ApiError::plain("InvalidParameterException", &message)
}

const GIVEN: &str = r#"{"Statement":[{"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],
    "Resource":"arn:aws:ecr:*:*:repository/app", "Sid":"who may pull","Effect":"Allow",
    "Condition":{"StringEquals":{"aws:PrincipalTag/team":["a","b\u00e9"]},"Bool":{"aws:SecureTransport":true}},
    "Principal":{"Service":"lambda.amazonaws.com","AWS":["999999999999","arn:aws:iam::111122223333:root"]}},
    {"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::999999999999:root"},"NotAction":"ecr:Get*","Resource":"*"}],
    "Id":"an id","Version":"2012-10-17"}"#;

const PRINTED: &str = r#"{
  "Version" : "2012-10-17",
  "Id" : "an id",
  "Statement" : [ {
    "Sid" : "who may pull",
    "Effect" : "Allow",
    "Principal" : {
      "Service" : "lambda.amazonaws.com",
      "AWS" : [ "999999999999", "arn:aws:iam::111122223333:root" ]
    },
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ],
    "Resource" : "arn:aws:ecr:*:*:repository/app",
    "Condition" : {
      "StringEquals" : {
        "aws:PrincipalTag/team" : [ "a", "bé" ]
      },
      "Bool" : {
        "aws:SecureTransport" : true
      }
    }
  }, {
    "Effect" : "Deny",
    "NotPrincipal" : {
      "AWS" : "arn:aws:iam::999999999999:root"
    },
    "NotAction" : "ecr:Get*",
    "Resource" : "*"
  } ]
}"#;

async fn a_policy_is_printed_as_ecr_prints_it(mut wharf: Wharf) {
    wharf.repository("app").await;
    let of_repository =
        json!({ "registryId": ACCOUNT, "repositoryName": "app", "policyText": PRINTED });
    let of_registry = json!({ "registryId": ACCOUNT, "policyText": PRINTED });
    // The second statement denies the own root all but what reads, and the repair of policies.
    assert_eq!(call(&wharf, "SetRepositoryPolicy", Some(GIVEN)).await, Ok(of_repository.clone()));
    assert_eq!(call(&wharf, "PutRegistryPolicy", Some(GIVEN)).await, Ok(of_registry.clone()));
    wharf.restart().await;
    for operation in &REPOSITORY[1..] {
        assert_eq!(call(&wharf, operation, None).await, Ok(of_repository.clone()), "{operation}");
    }
    for operation in &REGISTRY[1..] {
        assert_eq!(call(&wharf, operation, None).await, Ok(of_registry.clone()), "{operation}");
    }
}

async fn a_policy_is_replaced_and_removed_and_then_there_is_none(wharf: Wharf) {
    wharf.repository("app").await;
    let none = [
        (
            "RepositoryPolicyNotFoundException",
            format!(
                "Repository policy does not exist for the repository with name 'app' in the \
                 registry with id '{ACCOUNT}'"
            ),
        ),
        (
            "RegistryPolicyNotFoundException",
            format!("Registry policy does not exist in the registry with id '{ACCOUNT}'"),
        ),
    ];
    for ([put, get, delete], (code, message)) in [REPOSITORY, REGISTRY].into_iter().zip(none) {
        let none = Err(ApiError::plain(code, &message));
        assert_eq!(
            (call(&wharf, get, None).await, call(&wharf, delete, None).await),
            (none.clone(), none.clone())
        );
        for sid in ["one", "two"] {
            let mut statement = right();
            statement["Sid"] = sid.into();
            let told = call(&wharf, put, Some(&document(statement))).await.unwrap();
            assert!(told["policyText"].as_str().unwrap().contains(sid), "{told}");
            assert_eq!(call(&wharf, get, None).await, Ok(told));
        }
        let told = call(&wharf, get, None).await;
        assert_eq!(call(&wharf, delete, None).await, told);
        assert_eq!(
            (call(&wharf, get, None).await, call(&wharf, delete, None).await),
            (none.clone(), none)
        );
    }
}

/// Texts that are neither the policy of a repository nor that of a registry.
fn wrong() -> Vec<(&'static str, String)> {
    let with = |name: &str, value: Value| {
        let mut statement = right();
        statement[name] = value;
        document(statement)
    };
    let without = |name: &str| {
        let mut statement = right();
        statement.as_object_mut().unwrap().remove(name);
        document(statement)
    };
    let aws = |name: &str| with("Principal", json!({ "AWS": name }));
    vec![
        ("nothing", String::new()),
        ("no JSON", "{".to_owned()),
        ("no object", "[]".to_owned()),
        ("no statement", json!({ "Version": "2012-10-17" }).to_string()),
        ("an empty list", json!({ "Version": "2012-10-17", "Statement": [] }).to_string()),
        ("another version", json!({ "Version": "2012-10-18", "Statement": right() }).to_string()),
        ("another element", json!({ "Statement": right(), "Comment": "" }).to_string()),
        ("a key twice", document(right()).replace("\"Effect\"", "\"Effect\":\"Allow\",\"Effect\"")),
        ("trailing data", format!("{}{{}}", document(right()))),
        ("a NUL", document(right()).replace("Allow", "Allow\0")),
        ("no effect", without("Effect")),
        ("another effect", with("Effect", "allow".into())),
        ("no principal", without("Principal")),
        ("nobody", with("Principal", json!({}))),
        ("a name without a kind", with("Principal", ACCOUNT.into())),
        ("another kind", with("Principal", json!({ "CanonicalUser": "a" }))),
        (
            "an identity of elsewhere",
            with("Principal", json!({ "Federated": "accounts.google.com" })),
        ),
        ("part of an account", aws("12345")),
        ("all users of an account", aws(&format!("arn:aws:iam::{ACCOUNT}:*"))),
        ("a pattern", aws(&format!("arn:aws:iam::{ACCOUNT}:user/*"))),
        ("a group", aws(&format!("arn:aws:iam::{ACCOUNT}:group/all"))),
        ("another partition", aws(&format!("arn:aws-cn:iam::{ACCOUNT}:root"))),
        ("a user that is not there", aws(&format!("arn:aws:iam::{ACCOUNT}:user/nobody"))),
        ("a role that is not there", aws(&format!("arn:aws:iam::{ACCOUNT}:role/ci/nobody"))),
        ("an id that nobody has", aws("AIDAABCDEFGHIJKLMNOPQ")),
        ("no service's name", with("Principal", json!({ "Service": "lambda" }))),
        ("no action", without("Action")),
        ("an empty list of actions", with("Action", json!([]))),
        ("another service", with("Action", "s3:GetObject".into())),
        ("an action of no service", with("Action", "CreateRepository".into())),
        ("no resource in the list", with("Resource", json!([]))),
        ("a name for a resource", with("Resource", "app".into())),
        (
            "an operator that is none",
            with("Condition", json!({ "StringSame": { "aws:username": "a" } })),
        ),
        ("no number", with("Condition", json!({ "NumericEquals": { "aws:EpochTime": "a" } }))),
        ("a list for a condition", with("Condition", json!([]))),
    ]
}

async fn whatever_is_wrong_with_a_policy_has_one_sentence(wharf: Wharf) {
    wharf.repository("app").await;
    let allow_for_all_but = json!({ "Effect": "Allow", "NotPrincipal": { "AWS": ACCOUNT },
        "Action": "ecr:CreateRepository", "Resource": "*" });
    let mut wrong = wrong();
    wrong.push(("an Allow for all but", document(allow_for_all_but)));
    for [put, get, _] in [REPOSITORY, REGISTRY] {
        let kept = call(&wharf, put, Some(&document(right()))).await.unwrap();
        for (what, text) in &wrong {
            assert_eq!(call(&wharf, put, Some(text)).await, Err(refusal(put)), "{put} {what}");
        }
        assert_eq!(call(&wharf, get, None).await, Ok(kept), "what was there stays");
    }
    // A registry has no resource of its own that could be meant.
    let mut statement = right();
    statement.as_object_mut().unwrap().remove("Resource");
    let text = document(statement);
    assert_eq!(
        call(&wharf, "PutRegistryPolicy", Some(&text)).await,
        Err(refusal("PutRegistryPolicy"))
    );
    call(&wharf, "SetRepositoryPolicy", Some(&text)).await.unwrap();
}

async fn what_looks_odd_and_is_allowed(wharf: Wharf) {
    wharf.repository("app").await;
    let mut twice = right();
    twice["Sid"] = "a sid with blanks".into();
    let texts = [
        json!({ "Statement": right() }),
        json!({ "Version": "2008-10-17", "Statement": [right()] }),
        json!({ "Version": "2012-10-17", "Id": "", "Statement": [twice, twice] }),
        json!({ "Statement": { "Effect": "Deny", "Principal": { "AWS": TENANT }, "Action": "*",
            "Resource": "*", "Condition": {} } }),
        json!({ "Statement": { "Effect": "Allow", "Principal": { "AWS": "*" },
            "Action": "ECR:noSuchAction", "Resource": "*" } }),
        // Accounts need not be in this deployment.
        json!({ "Statement": { "Effect": "Allow", "Action": "ecr:*", "Resource": "*", "Principal": {
            "AWS": ["111111111111", "arn:aws:sts::111111111111:assumed-role/ci/build"] } } }),
    ];
    for [put, get, _] in [REPOSITORY, REGISTRY] {
        for text in &texts {
            let told = call(&wharf, put, Some(&text.to_string())).await;
            let told = told.unwrap_or_else(|error| panic!("{put} {text}: {error}"));
            let again: Value = serde_json::from_str(told["policyText"].as_str().unwrap()).unwrap();
            assert_eq!(again, *text);
            assert_eq!(call(&wharf, get, None).await, Ok(told));
        }
    }
}

async fn a_policy_has_at_most_ten_kibibytes(wharf: Wharf) {
    wharf.repository("app").await;
    let sized = |length: usize| {
        let mut statement = right();
        statement["Sid"] = "é".into();
        let text = document(statement);
        let more = length - text.chars().count();
        text.replace('é', &"é".repeat(more + 1))
    };
    for [put, get, _] in [REPOSITORY, REGISTRY] {
        let most = sized(10_240);
        assert_eq!(most.chars().count(), 10_240);
        let told = call(&wharf, put, Some(&most)).await.unwrap();
        assert_eq!(call(&wharf, get, None).await, Ok(told.clone()));
        let reason = "Member must have length less than or equal to 10240";
        let refused = call(&wharf, put, Some(&sized(10_241))).await;
        assert_eq!(refused, Err(parameter("PolicyText", reason)));
        assert_eq!(call(&wharf, get, None).await, Ok(told));
    }
}

async fn the_scope_says_which_actions_a_registry_policy_may_name(wharf: Wharf) {
    let put = async |action: &str| {
        let mut statement = right();
        statement["Action"] = action.into();
        call(&wharf, "PutRegistryPolicy", Some(&document(statement))).await
    };
    let scope = async |value: &str| {
        let input = json!({ "name": "REGISTRY_POLICY_SCOPE", "value": value });
        wharf.api("PutAccountSetting", input).await.unwrap();
    };
    let narrow = ["ecr:ReplicateImage", "ecr:batchimportupstreamimage", "ecr:CreateRepository"];
    let wide = ["ecr:BatchGetImage", "ecr:*", "*"];
    for action in narrow.iter().chain(&wide) {
        put(action).await.unwrap();
    }
    scope("V1").await;
    let kept = call(&wharf, "GetRegistryPolicy", None).await.unwrap();
    assert!(kept["policyText"].as_str().unwrap().contains("\"Action\" : \"*\""), "{kept}");
    for action in wide {
        assert_eq!(put(action).await, Err(refusal("PutRegistryPolicy")), "{action}");
    }
    for action in narrow {
        put(action).await.unwrap();
    }
    scope("V2").await;
    put("ecr:*").await.unwrap();
}

async fn a_repository_takes_its_policy_with_it(wharf: Wharf) {
    wharf.repository("app").await;
    call(&wharf, "SetRepositoryPolicy", Some(&document(right()))).await.unwrap();
    wharf.api("DeleteRepository", json!({ "repositoryName": "app" })).await.unwrap();
    wharf.repository("app").await;
    let told = call(&wharf, "GetRepositoryPolicy", None).await.unwrap_err();
    assert_eq!(told.code, "RepositoryPolicyNotFoundException");
}

async fn a_missing_repository_is_told_by_each(wharf: Wharf) {
    let message = format!(
        "The repository with name 'app' does not exist in the registry with id '{ACCOUNT}'"
    );
    let none = ApiError::plain("RepositoryNotFoundException", &message);
    for operation in REPOSITORY {
        let text = (operation == "SetRepositoryPolicy").then(|| document(right()));
        assert_eq!(call(&wharf, operation, text.as_deref()).await, Err(none.clone()));
    }
}

async fn a_registry_policy_belongs_to_one_registry(mut wharf: Wharf) {
    let tenant = wharf.second_account(TENANT).await;
    call(&wharf, "PutRegistryPolicy", Some(&document(right()))).await.unwrap();
    for other in [wharf.credentials().in_region("us-west-2"), tenant] {
        let told = wharf.api_as(&other, "GetRegistryPolicy", json!({})).await.unwrap_err();
        assert_eq!(told.code, "RegistryPolicyNotFoundException");
    }
}

async fn who_would_lock_itself_out_needs_force(mut wharf: Wharf) {
    let tenant = wharf.second_account(TENANT).await;
    wharf.repository("app").await;
    let all_for = |account: &str| {
        document(json!({ "Effect": "Allow", "Principal": { "AWS": account }, "Action": "ecr:*" }))
    };
    let set = async |text: &str, force: Option<bool>| {
        let input = json!({ "registryId": ACCOUNT, "repositoryName": "app", "policyText": text,
            "force": force });
        wharf.api_as(&tenant, "SetRepositoryPolicy", input).await
    };
    call(&wharf, "SetRepositoryPolicy", Some(&all_for(TENANT))).await.unwrap();
    set(&all_for(TENANT), None).await.unwrap();
    let reason = "The policy would keep you from setting another one on this repository. Use force \
                  to set it all the same";
    for force in [None, Some(false)] {
        assert_eq!(
            set(&all_for("111122223333"), force).await,
            Err(parameter("PolicyText", reason))
        );
    }
    let kept = call(&wharf, "GetRepositoryPolicy", None).await.unwrap();
    assert!(kept["policyText"].as_str().unwrap().contains(TENANT));
    set(&all_for("111122223333"), Some(true)).await.unwrap();
    assert_eq!(set(&all_for(TENANT), Some(true)).await.unwrap_err().code, "AccessDeniedException");
    // The root of the account cannot lock itself out.
    let nobody = document(json!({ "Effect": "Deny", "Principal": "*", "Action": "*" }));
    for _ in 0..2 {
        call(&wharf, "SetRepositoryPolicy", Some(&nobody)).await.unwrap();
    }
    call(&wharf, "DeleteRepositoryPolicy", None).await.unwrap();
}

statement! {
    DAMAGE_REPOSITORY = "UPDATE repository_policies SET document = '{\"Statement\":'";
    DAMAGE_REGISTRY = "UPDATE registry_policies SET document = '[]'";
}

async fn a_damaged_policy_is_a_fault_and_never_none(mut wharf: Wharf) {
    wharf.repository("app").await;
    for (damage, [put, get, _], subject) in
        [(&DAMAGE_REPOSITORY, REPOSITORY, "app"), (&DAMAGE_REGISTRY, REGISTRY, ACCOUNT)]
    {
        call(&wharf, put, Some(&document(right()))).await.unwrap();
        let token = wharf.token().await;
        tamper(&mut wharf, damage).await;
        for (operation, input) in [
            ("ListImages", json!({ "repositoryName": "app" })),
            (get, json!({ "repositoryName": "app" })),
        ] {
            let told = wharf.api(operation, input).await.unwrap_err();
            assert_eq!((told.code.as_str(), told.status), ("ServerException", 500), "{operation}");
        }
        let v2 = V2::new(wharf.http.clone(), wharf.address, Some(token));
        v2.manifest("app", "v1").await.refuses_with(500, "UNKNOWN");
        assert_eq!(found(&wharf).await, [(Flaw::PolicyDamaged, subject.to_owned())]);
        // The root sets it anew.
        call(&wharf, put, Some(&document(right()))).await.unwrap();
        wharf.api("ListImages", json!({ "repositoryName": "app" })).await.unwrap();
        v2.manifest("app", "v1").await.refuses_with(404, "MANIFEST_UNKNOWN");
        assert_eq!(found(&wharf).await, []);
    }
}

/// Changes a row behind the server's back, and starts it again.
async fn tamper(wharf: &mut Wharf, statement: &'static Statement) {
    let replicas = wharf.replicas().await;
    let changed: Result<u64, wharf_db::Error> =
        tx!(replicas[0].db, |tx| tx.execute(statement, ()).await);
    assert_eq!(changed.unwrap(), 1);
    for replica in replicas {
        replica.db.close().await;
    }
    wharf.restart().await;
    wharf.http = wharf.http.clone().expecting_faults();
}

async fn found(wharf: &Wharf) -> Vec<(Flaw, String)> {
    let report = wharf.registry().check(&Options::default(), &|_| {}).await.unwrap();
    report.findings.into_iter().map(|finding| (finding.flaw, finding.subject)).collect()
}
