//! ListPolicyVersions: the versions of a managed policy, the newest first, without documents.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_policy::Managed;

use crate::iam::shape::VersionShape;
use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListPolicyVersions {
    policy_arn: String,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    versions: Vec<VersionShape>,
    #[serde(flatten)]
    paged: Paged,
}

impl Operation for ListPolicyVersions {
    const NAME: &'static str = "ListPolicyVersions";
    const ACTION: Action = Action::new("iam:ListPolicyVersions");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Arn(&self.policy_arn)
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        let arn = self.policy_arn.as_str();
        let versions = match Managed::find(arn) {
            Some(aws) => vec![VersionShape::aws(aws)],
            None => {
                let found = call.identity().versions(call.account(), arn).await?;
                found.iter().map(VersionShape::listed).collect()
            }
        };
        let parts = [Self::NAME, arn];
        let (versions, paged) =
            call.slice(&parts, self.marker.as_deref(), self.max_items, versions)?;
        Ok(Output { versions, paged })
    }
}
