//! AWS's managed policies: that their documents are such, and what they let do.
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use wharf_policy::{
    Caller, Document, Facts, Grammar, MANAGED, Managed, Outcome, Policies, Request, Resource,
    ResourcePolicies, Scope, evaluate,
};

/// Whether the holder of this one policy may do `action` on a repository, or on `*` where the action
/// has no resource.
fn allows(managed: &Managed, action: &str) -> bool {
    let account = "111122223333".parse().unwrap();
    let region = "eu-west-1".parse().unwrap();
    let caller = Caller::user(account, "arn:aws:iam::111122223333:user/alice", "AIDA", "AKIA");
    let account = &caller.account;
    let resource = match action {
        "ecr:GetAuthorizationToken" | "iam:ListUsers" => Resource::Registry { account },
        "iam:CreateUser" => Resource::Named { account, arn: "arn:aws:iam::111122223333:user/bob" },
        _ => Resource::Repository { account, region: &region, name: "team/app" },
    };
    let context: Facts =
        [("aws:ResourceAccount".to_owned(), wharf_policy::Fact::One("111122223333".to_owned()))]
            .into_iter()
            .collect();
    let policy = Managed::policy(&managed.arn()).unwrap();
    let request = Request { caller: &caller, action, resource, context: &context };
    let resource = ResourcePolicies::Ecr { repository: None, registry: None, scope: Scope::V2 };
    let policies = Policies { identity: &[policy], resource, ..Policies::default() };
    evaluate(&request, &policies).outcome == Outcome::Allow
}

#[test]
fn the_documents_are_accepted_and_the_rows_are_distinct() {
    let (mut ids, mut arns) = (HashSet::new(), HashSet::new());
    for managed in MANAGED {
        let document = Document::accept(managed.text, Grammar::Identity);
        let document =
            document.unwrap_or_else(|fault| panic!("{}: {}", managed.name, fault.detail()));
        assert_eq!(Document::accept(&document.to_compact(), Grammar::Identity).unwrap(), document);
        assert!(ids.insert(managed.id) && arns.insert(managed.arn()), "{}", managed.name);
        let id = managed.id.strip_prefix("ANPA").unwrap();
        assert!(
            id.len() == 17
                && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        );
        assert!(
            managed.created.parse::<jiff::Timestamp>().unwrap() <= managed.updated.parse().unwrap()
        );
        let policy = Managed::policy(&managed.arn()).unwrap();
        assert_eq!((policy.name(), policy.arn()), (managed.name, Some(managed.arn().as_str())));
    }
    assert_eq!(MANAGED.len(), 16);
    let arn = "arn:aws:iam::aws:policy/aws-service-role/ECRReplicationServiceRolePolicy";
    assert_eq!(Managed::find(arn).unwrap().version, "v1");
    assert!(Managed::find("arn:aws:iam::aws:policy/ECRReplicationServiceRolePolicy").is_none());
    assert!(Managed::policy("arn:aws:iam::aws:policy/AmazonS3FullAccess").is_none());
}

#[test]
fn what_each_lets_do() {
    const ACTIONS: [&str; 10] = [
        "ecr:GetAuthorizationToken",
        "ecr:BatchGetImage",
        "ecr:BatchCheckLayerAvailability",
        "ecr:DescribeRepositories",
        "ecr:PutImage",
        "ecr:CreateRepository",
        "ecr:DeleteRepository",
        "ecr:ReplicateImage",
        "iam:ListUsers",
        "iam:CreateUser",
    ];
    for (name, expected) in [
        ("AmazonEC2ContainerRegistryReadOnly", "yyyynnnnnn"),
        ("AmazonEC2ContainerRegistryPowerUser", "yyyyynnnnn"),
        ("AmazonEC2ContainerRegistryFullAccess", "yyyyyyyynn"),
        ("AmazonEC2ContainerRegistryPullOnly", "yynnnnnnnn"),
        ("ECRReplicationServiceRolePolicy", "nnnnnynynn"),
        ("ECRTemplateServiceRolePolicy", "nnnnnynnnn"),
        ("AWSECRPullThroughCache_ServiceRolePolicy", "yyynynnnnn"),
        ("AWSAppRunnerServicePolicyForECRAccess", "yyynnnnnnn"),
        ("EC2InstanceProfileForImageBuilderECRContainerBuilds", "yyynynnnnn"),
        ("AdministratorAccess", "yyyyyyyyyy"),
        ("PowerUserAccess", "yyyyyyyynn"),
        ("IAMFullAccess", "nnnnnnnnyy"),
        ("IAMReadOnlyAccess", "nnnnnnnnyn"),
        ("ReadOnlyAccess", "yyyynnnnyn"),
        ("ViewOnlyAccess", "nnnynnnnyn"),
        ("SecurityAudit", "nnnynnnnyn"),
    ] {
        let managed = MANAGED.iter().find(|managed| managed.name == name).unwrap();
        let found: String =
            ACTIONS.iter().map(|action| if allows(managed, action) { 'y' } else { 'n' }).collect();
        assert_eq!(found, expected, "{name}: {ACTIONS:?}");
    }
}
