//! Simulations answer what the gate would, and why.

use super::*;
use wharf_testkit::on_both;

on_both![
    a_simulation_says_what_the_gate_does,
    groups_boundaries_and_exclusions_count,
    policies_that_nobody_has_are_tried,
];

const REPOSITORY: &str = "arn:aws:ecr:us-east-1:123456789012:repository/app";

fn first(told: &Value) -> (&str, &Value, &Value) {
    let result = &told["EvaluationResults"][0];
    let decision = result["EvalDecision"].as_str().unwrap();
    (decision, &result["MatchedStatements"], &result["MissingContextValues"])
}

async fn a_simulation_says_what_the_gate_does(wharf: Wharf) {
    let alice = wharf.user("alice").await;
    may(&wharf, "alice", "list", &allow("iam:ListUsers", "*")).await;
    may(&wharf, "alice", "no", &policy("Deny", "iam:ListRoles", "*", None)).await;
    let actions = ["iam:ListUsers", "iam:ListRoles", "iam:ListGroups"];
    let input = json!({ "PolicySourceArn": arn("user/alice"), "ActionNames": actions });
    let told = done(&wharf, "SimulatePrincipalPolicy", input).await;
    let results = told["EvaluationResults"].as_array().unwrap();
    let decisions = ["allowed", "explicitDeny", "implicitDeny"];
    for ((result, action), decision) in results.iter().zip(actions).zip(decisions) {
        assert_eq!(result["EvalActionName"], action);
        assert_eq!(result["EvalDecision"], decision);
        assert_eq!(result["EvalResourceName"], "*");
        assert_eq!(result["ResourceSpecificResults"][0]["EvalResourceDecision"], decision);
        let name = action.strip_prefix("iam:").unwrap();
        let gate = by(&wharf, &alice, name, json!({})).await;
        assert_eq!(gate.is_ok(), decision == "allowed", "{action}");
    }
    let matched = &results[0]["MatchedStatements"][0];
    assert_eq!(matched["SourcePolicyId"], "user_alice_list");
    assert_eq!(matched["SourcePolicyType"], "user");
    assert_eq!(matched["StartPosition"]["Line"], 1);
    assert_eq!(results[2]["MatchedStatements"], json!([]));
}

async fn groups_boundaries_and_exclusions_count(wharf: Wharf) {
    wharf.user("alice").await;
    done(&wharf, "CreateGroup", json!({ "GroupName": "crew" })).await;
    done(&wharf, "AddUserToGroup", json!({ "GroupName": "crew", "UserName": "alice" })).await;
    let put = json!({ "GroupName": "crew", "PolicyName": "all",
        "PolicyDocument": allow("ecr:*", "*") });
    done(&wharf, "PutGroupPolicy", put).await;
    let question = json!({ "PolicySourceArn": arn("user/alice"), "ActionNames": ["ecr:PutImage"],
        "ResourceArns": [REPOSITORY] });
    let told = done(&wharf, "SimulatePrincipalPolicy", question.clone()).await;
    assert_eq!(first(&told).0, "allowed");
    assert_eq!(first(&told).1[0]["SourcePolicyId"], "group_crew_all");

    let mut bounded = question.clone();
    bounded["PermissionsBoundaryPolicyInputList"] = json!([allow("iam:*", "*")]);
    let told = done(&wharf, "SimulatePrincipalPolicy", bounded).await;
    assert_eq!(first(&told).0, "implicitDeny");
    let detail = &told["EvaluationResults"][0]["PermissionsBoundaryDecisionDetail"];
    assert_eq!(detail["AllowedByPermissionsBoundary"], false);

    let mut without = question.clone();
    without["PolicyExclusionList"] = json!([{ "PolicyType": "inline" }]);
    let told = done(&wharf, "SimulatePrincipalPolicy", without).await;
    assert_eq!(first(&told).0, "implicitDeny");
    for (arn, code) in [(arn("user/eve"), "NoSuchEntity"), (arn("policy/none"), "InvalidInput")] {
        let mut other = question.clone();
        other["PolicySourceArn"] = arn.into();
        let told = oracle::iam(&wharf, "SimulatePrincipalPolicy", other).await.unwrap_err();
        assert_eq!(told.code, code);
    }
}

async fn policies_that_nobody_has_are_tried(wharf: Wharf) {
    let condition = json!({ "StringEquals": { "aws:PrincipalTag/team": "blue" } });
    let own =
        policy("Allow", "ecr:*", "arn:aws:ecr:*:*:repository/${aws:username}", Some(condition));
    let question = json!({ "PolicyInputList": [own], "ActionNames": ["ecr:PutImage"],
        "ResourceArns": [REPOSITORY] });
    let told = done(&wharf, "SimulateCustomPolicy", question.clone()).await;
    assert_eq!(first(&told).0, "implicitDeny");
    assert_eq!(*first(&told).2, json!(["aws:username"]));
    let entry = |key: &str, value: &str| json!({ "ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string" });
    let mut known = question.clone();
    known["ContextEntries"] =
        json!([entry("aws:username", "app"), entry("aws:PrincipalTag/team", "blue")]);
    let told = done(&wharf, "SimulateCustomPolicy", known).await;
    assert_eq!((first(&told).0, first(&told).2), ("allowed", &json!([])));
    assert_eq!(first(&told).1[0]["SourcePolicyId"], "PolicyInputList.1");

    let keys = json!({ "PolicyInputList": question["PolicyInputList"] });
    let keys = done(&wharf, "GetContextKeysForCustomPolicy", keys).await;
    assert_eq!(keys, json!({ "ContextKeyNames": ["aws:PrincipalTag/team", "aws:username"] }));
    let mut wrong = question.clone();
    wrong["ActionNames"] = json!(["ecr:*"]);
    let told = oracle::iam(&wharf, "SimulateCustomPolicy", wrong).await.unwrap_err();
    assert_eq!((told.code.as_str(), told.status), ("InvalidInput", 400));
    let mut wrong = question;
    wrong["PolicyInputList"] = json!(["{}"]);
    let told = oracle::iam(&wharf, "SimulateCustomPolicy", wrong).await.unwrap_err();
    assert_eq!((told.code.as_str(), told.status), ("InvalidInput", 400));
}
