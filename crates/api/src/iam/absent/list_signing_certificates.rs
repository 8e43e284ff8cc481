//! ListSigningCertificates: there are none; nothing is signed with certificates.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;

use crate::query::{Call, Error, Operation, Paged, Subject};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListSigningCertificates {
    user_name: Option<String>,
    marker: Option<String>,
    max_items: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Output {
    #[serde(rename = "Certificates")]
    none: [(); 0],
    #[serde(flatten)]
    paged: Paged,
}

impl Operation for ListSigningCertificates {
    const NAME: &'static str = "ListSigningCertificates";
    const ACTION: Action = Action::new("iam:ListSigningCertificates");
    type Output = Output;

    fn subject(&self) -> Subject<'_> {
        Subject::User(self.user_name.as_deref())
    }

    async fn run(self, call: Call) -> Result<Output, Error> {
        call.owner()?;
        let (_, paged) =
            call.slice::<()>(&[Self::NAME], self.marker.as_deref(), self.max_items, Vec::new())?;
        Ok(Output { none: [], paged })
    }
}
