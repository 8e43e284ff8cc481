//! DescribeRepositories: the named repositories, or all of them page by page.

use serde::{Deserialize, Serialize};
use wharf_policy::Action;
use wharf_registry::{Ask, Error};

use super::shape::RepositoryShape;
use crate::operation::{Address, Call, Listing, Operation};
use crate::paging::{self, DEFAULT_PAGE, List};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DescribeRepositories {
    registry_id: Option<String>,
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Output {
    repositories: Vec<RepositoryShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl Operation for DescribeRepositories {
    const NAME: &'static str = "DescribeRepositories";
    const ACTION: Action = Action::DESCRIBE_REPOSITORIES;
    type Target = Listing;
    type Output = Output;

    fn address(&self) -> Address<'_> {
        Address::Registry(self.registry_id.as_deref())
    }

    async fn run(self, call: Call<Listing>) -> Result<Output, Error> {
        let is_paged = self.max_results.is_some() || self.next_token.is_some();
        paging::refuse_both(is_paged, "repositoryNames", self.repository_names.is_some())?;
        match self.repository_names {
            Some(names) => named(&call, &names).await,
            None => {
                page(&call, self.next_token.as_deref(), self.max_results.unwrap_or(DEFAULT_PAGE))
                    .await
            }
        }
    }
}

/// One that is not there fails the whole call, as with ECR.
async fn named(call: &Call<Listing>, names: &[String]) -> Result<Output, Error> {
    let mut repositories = Vec::with_capacity(names.len());
    for name in names {
        let (id, action) = (&call.registry_id, Action::DESCRIBE_REPOSITORIES);
        let ask = Ask { requester: &call.requester, action, facts: &[] };
        let found = call.registry().repository(ask, id, name).await?;
        repositories.push(RepositoryShape::of(&found, &call.api.endpoint));
    }
    Ok(Output { repositories, next_token: None })
}

async fn page(call: &Call<Listing>, token: Option<&str>, limit: i64) -> Result<Output, Error> {
    let id = &call.registry_id;
    let list = List {
        identity: &call.api.identity,
        parts: &["DescribeRepositories", id.account.as_str(), id.region.as_str()],
    };
    let after = list.after(token)?;
    let mut found =
        call.registry().describe_repositories(&call.requester, id, &after, limit + 1).await?;
    let more = paging::cut(&mut found, limit);
    let next_token = found.last().filter(|_| more).map(|last| list.token(last.name().as_str()));
    let shape = |repository| RepositoryShape::of(repository, &call.api.endpoint);
    Ok(Output { repositories: found.iter().map(shape).collect(), next_token })
}
