//! The table of all credentials of an account, in AWS's columns.
//!
//! Source: "Generate credential reports for your AWS account", User Guide.

use wharf_identity::{Entity, Kind, Owner, fold};

use crate::query::{Call, Error};

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,\
    password_last_changed,password_next_rotation,mfa_active,access_key_1_active,\
    access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,\
    access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
    cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// What AWS writes where there is nothing to tell.
const NONE: &str = "N/A";
/// How many users are read at a time.
const BATCH: i64 = 1000;

/// The root's row, and one for each user, by name.
pub(super) async fn report(call: &Call) -> Result<String, Error> {
    let (identity, account) = (call.identity(), call.account());
    let mut table = format!("{HEADER}\n");
    table.push_str(&root(call).await?);
    let mut after = String::new();
    loop {
        let users = identity.entities(account, Kind::User, "/", &after, BATCH).await?;
        let Some(last) = users.last() else { return Ok(table) };
        after = fold(&last.name);
        for user in &users {
            table.push_str(&row_of(call, user).await?);
        }
    }
}

async fn root(call: &Call) -> Result<String, Error> {
    let account = call.account();
    let accounts = call.identity().accounts().await?;
    let made = accounts.into_iter().find(|one| one.id == *account).map(|one| one.created_at);
    let arn = format!("arn:{}:iam::{account}:root", wharf_policy::PARTITION);
    let who = ["<root_account>".to_owned(), arn, made.map_or(NONE.to_owned(), time)];
    let password = ["not_supported", "no_information", "not_supported", "not_supported"];
    let keys = keys(call, Owner { account, user: None }).await?;
    Ok(row(&who, &password.map(str::to_owned), &keys))
}

async fn row_of(call: &Call, user: &Entity) -> Result<String, Error> {
    let who = [user.name.clone(), user.arn(), time(user.created_at)];
    let profile = match call.identity().login_profile(call.account(), &user.name).await {
        Ok(profile) => Some(profile),
        Err(wharf_identity::Error::NoSuchLoginProfile(_)) => None,
        Err(error) => return Err(error.into()),
    };
    // When a password was changed last is not kept; it is as old as its profile at most.
    let password = match profile {
        Some(profile) => {
            let used = profile.last_used.map_or("no_information".to_owned(), time);
            ["true".to_owned(), used, time(profile.created_at), NONE.to_owned()]
        }
        None => ["false", NONE, NONE, NONE].map(str::to_owned),
    };
    let keys = keys(call, Owner { account: call.account(), user: Some(&user.id) }).await?;
    Ok(row(&who, &password, &keys))
}

/// Five columns for each of two keys.
async fn keys(call: &Call, owner: Owner<'_>) -> Result<Vec<String>, Error> {
    let mut columns = Vec::new();
    for key in call.identity().keys(owner).await? {
        let used = call.identity().key_last_used(call.account(), &key.id).await?;
        let used = used.unwrap_or_default();
        let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
        columns.extend([key.is_active.to_string(), time(key.created_at)]);
        columns.extend([or_none(used.at.map(time)), or_none(used.region), or_none(used.service)]);
    }
    while columns.len() < 10 {
        columns.push("false".to_owned());
        columns.extend([NONE; 4].map(str::to_owned));
    }
    columns.truncate(10);
    Ok(columns)
}

fn row(who: &[String], password: &[String], keys: &[String]) -> String {
    // No second factors and no certificates.
    let rest = ["false", NONE, "false", NONE].map(str::to_owned);
    let second_factor = ["false".to_owned()];
    let all = who.iter().chain(password).chain(&second_factor).chain(keys).chain(&rest);
    format!("{}\n", all.map(|text| quoted(text)).collect::<Vec<_>>().join(","))
}

/// Names may have commas.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

fn time(milliseconds: i64) -> String {
    let time = jiff::Timestamp::from_second(milliseconds.div_euclid(1000));
    time.unwrap_or(jiff::Timestamp::UNIX_EPOCH).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}
