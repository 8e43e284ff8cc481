//! ListSAMLProviders: there are none; tokens of OpenID Connect are taken instead.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListSAMLProviders {}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "SAMLProviderList")]
    none: [(); 0],
}

impl Operation for ListSAMLProviders {
    const NAME: &'static str = "ListSAMLProviders";
    const ACTION: Action = Action::new("iam:ListSAMLProviders");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::Account
    }

    async fn run(self, _: Call) -> Result<Output, Error> {
        Ok(Output { none: [] })
    }
}
