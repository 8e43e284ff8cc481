//! GetAccountSetting: one setting of the registry.

use serde::{Deserialize, Serialize};
use wharf_policy::{Action, Facts};
use wharf_registry::Error;
use wharf_registry::setting::{self, Setting};

use crate::operation::{Address, Call, Operation, OwnRegistry};

#[derive(Deserialize)]
pub struct GetAccountSetting {
    name: String,
}

#[derive(Serialize)]
pub struct Output {
    name: &'static str,
    value: String,
}

impl Operation for GetAccountSetting {
    const NAME: &'static str = "GetAccountSetting";
    const ACTION: Action = Action::GET_ACCOUNT_SETTING;
    type Target = OwnRegistry;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Own
    }

    fn facts(&self) -> Vec<Facts> {
        vec![setting::facts(&self.name)]
    }

    async fn run(self, call: Call<OwnRegistry>) -> Result<Output, Error> {
        let setting = Setting::named(&self.name)?;
        let value = setting::get(call.registry(), &call.registry_id, setting).await?;
        Ok(Output { name: setting.as_str(), value })
    }
}
