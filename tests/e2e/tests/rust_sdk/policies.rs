//! Policies of repositories and of the registry.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{ACCOUNT, APP, Sdk, refused};

const INVALID: &str = "InvalidParameterException";

pub async fn all(sdk: &Sdk) -> Result<()> {
    of_a_repository(sdk).await?;
    of_the_registry(sdk).await
}

fn policy() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "AWS": ["111122223333", "arn:aws:iam::444455556666:root"] },
        "Action": "ecr:CreateRepository",
        "Resource": "*",
        "Condition": { "StringLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/ci/*" } },
    }] })
}

async fn of_a_repository(sdk: &Sdk) -> Result<()> {
    let client = sdk.with_repository().await?;
    let missing = "RepositoryPolicyNotFoundException";
    let sentence = "Repository policy does not exist for the repository with name 'team/app'";
    let told = client.get_repository_policy().repository_name(APP).send().await;
    let error = refused(told, missing, sentence)?;
    assert!(error.is_repository_policy_not_found_exception());
    let told = client.delete_repository_policy().repository_name(APP).send().await;
    assert!(refused(told, missing, sentence)?.is_repository_policy_not_found_exception());

    let text = policy().to_string();
    let set = client.set_repository_policy().repository_name(APP).force(true);
    let kept = set.policy_text(text).send().await?;
    assert_eq!((kept.registry_id(), kept.repository_name()), (Some(ACCOUNT), Some(APP)));
    let printed = kept.policy_text().context("a text")?;
    assert_eq!(serde_json::from_str::<Value>(printed)?, policy());
    assert!(printed.starts_with("{\n  \"Version\" : \"2012-10-17\",\n"), "{printed}");
    let told = client.get_repository_policy().repository_name(APP).send().await?;
    assert_eq!(told.policy_text(), Some(printed));
    let told = client.delete_repository_policy().repository_name(APP).send().await?;
    assert_eq!(told.policy_text(), Some(printed));

    let told = client.set_repository_policy().repository_name(APP).policy_text("").send().await;
    let sentence =
        "'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'";
    assert!(refused(told, INVALID, sentence)?.is_invalid_parameter_exception());
    Ok(())
}

async fn of_the_registry(sdk: &Sdk) -> Result<()> {
    let client = sdk.client();
    let missing = "RegistryPolicyNotFoundException";
    let sentence = "Registry policy does not exist in the registry with id '000000000000'";
    let told = client.get_registry_policy().send().await;
    assert!(refused(told, missing, sentence)?.is_registry_policy_not_found_exception());
    let told = client.delete_registry_policy().send().await;
    assert!(refused(told, missing, sentence)?.is_registry_policy_not_found_exception());

    let kept = client.put_registry_policy().policy_text(policy().to_string()).send().await?;
    assert_eq!(kept.registry_id(), Some(ACCOUNT));
    let printed = kept.policy_text().context("a text")?;
    assert_eq!(serde_json::from_str::<Value>(printed)?, policy());
    let told = client.get_registry_policy().send().await?;
    assert_eq!(told.policy_text(), Some(printed));
    let told = client.delete_registry_policy().send().await?;
    assert_eq!(told.policy_text(), Some(printed));

    let nobody = policy().to_string().replace("111122223333", "AIDANOBODYATALL00000");
    let told = client.put_registry_policy().policy_text(nobody).send().await;
    let sentence = "'PolicyText' failed to satisfy constraint: 'Invalid registry policy provided'";
    assert!(refused(told, INVALID, sentence)?.is_invalid_parameter_exception());
    Ok(())
}
