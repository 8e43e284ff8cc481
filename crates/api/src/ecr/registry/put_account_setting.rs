//! PutAccountSetting: sets one setting of the registry.

use serde::{Deserialize, Serialize};
use wharf_policy::{Action, Facts};
use wharf_registry::Error;
use wharf_registry::setting::{self, Setting};

use crate::operation::{Address, Call, Operation, OwnRegistry};

#[derive(Deserialize)]
pub struct PutAccountSetting {
    name: String,
    value: String,
}

#[derive(Serialize)]
pub struct Output {
    name: &'static str,
    value: String,
}

impl Operation for PutAccountSetting {
    const NAME: &'static str = "PutAccountSetting";
    const ACTION: Action = Action::PUT_ACCOUNT_SETTING;
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
        setting::put(call.registry(), &call.registry_id, setting, &self.value).await?;
        Ok(Output { name: setting.as_str(), value: self.value })
    }
}
