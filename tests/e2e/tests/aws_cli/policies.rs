//! Policies of repositories and of the registry, out of files as the user guide shows it.

use anyhow::Result;
use serde_json::json;

use crate::Cli;

const POLICY: &str = r#"cat > policy.json <<'END'
{
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "AllowPull",
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::111122223333:root" },
            "Action": [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ],
            "Resource": "*"
        }
    ]
}
END
"#;

const PRINTED: &str = r#"{
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "AllowPull",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::111122223333:root"
    },
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ],
    "Resource" : "*"
  } ]
}"#;

pub fn all(cli: &Cli) -> Result<()> {
    cli.sh("aws ecr create-repository --repository-name guarded")?;
    of_a_repository(cli)?;
    of_the_registry(cli)
}

fn of_a_repository(cli: &Cli) -> Result<()> {
    let app = "--repository-name guarded";
    let text = "--output text --query policyText";
    for command in ["get-repository-policy", "delete-repository-policy"] {
        cli.refuses(&format!("aws ecr {command} {app}"))?
            .says("(RepositoryPolicyNotFoundException)")
            .says("Repository policy does not exist for the repository with name 'guarded'");
    }
    let set = "aws ecr set-repository-policy --policy-text file://policy.json";
    let told = cli.sh(&format!("{POLICY}{set} {app}"))?.json()?;
    let expected = json!({
        "registryId": "000000000000", "repositoryName": "guarded", "policyText": PRINTED,
    });
    assert_eq!(told, expected);
    assert_eq!(cli.sh(&format!("aws ecr get-repository-policy {app} {text}"))?.text(), PRINTED);
    // What was printed is taken again.
    cli.sh(&format!(
        "aws ecr get-repository-policy {app} {text} > policy.json; {set} {app} --force"
    ))?;
    assert_eq!(cli.sh(&format!("aws ecr delete-repository-policy {app} {text}"))?.text(), PRINTED);
    cli.refuses(&format!("aws ecr set-repository-policy {app} --policy-text '{{}}'"))?
        .says("An error occurred (InvalidParameterException) when calling the SetRepositoryPolicy operation: Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'");
    Ok(())
}

fn of_the_registry(cli: &Cli) -> Result<()> {
    let text = "--output text --query policyText";
    for command in ["get-registry-policy", "delete-registry-policy"] {
        cli.refuses(&format!("aws ecr {command}"))?
            .says("(RegistryPolicyNotFoundException)")
            .says("Registry policy does not exist in the registry with id '000000000000'");
    }
    // The scope may be the narrow one by now.
    let put = "sed -i 's/\"ecr:BatchGetImage\", \"ecr:GetDownloadUrlForLayer\"/\"ecr:ReplicateImage\"/' policy.json
        aws ecr put-registry-policy --policy-text file://policy.json";
    let told = cli.sh(&format!("{POLICY}{put}"))?.json()?;
    assert_eq!(told["registryId"], "000000000000");
    let printed = told["policyText"].as_str().expect("a text");
    assert!(printed.contains("\"Action\" : [ \"ecr:ReplicateImage\" ]"), "{printed}");
    assert_eq!(cli.sh(&format!("aws ecr get-registry-policy {text}"))?.text(), printed);
    assert_eq!(cli.sh(&format!("aws ecr delete-registry-policy {text}"))?.text(), printed);
    cli.refuses("aws ecr put-registry-policy --policy-text '{}'")?
        .says("(InvalidParameterException)")
        .says("'Invalid registry policy provided'");
    Ok(())
}
