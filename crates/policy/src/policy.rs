//! A policy that is ready to be evaluated many times: each statement compiled once.

use std::fmt;
use std::sync::Arc;

use crate::action_pattern::ActionPattern;
use crate::arn::{Arn, ResourcePattern};
use crate::audience::{Audience, Grant};
use crate::condition::Condition;
use crate::document::{Document, Effect, Grammar, Patterns, Statement};
use crate::template::Lookup;
use crate::{Caller, Key};

/// A compiled policy. Cheap to share and to evaluate; it does not know whose it is.
pub struct Policy {
    name: Arc<str>,
    arn: Option<Arc<str>>,
    rules: Box<[Rule]>,
}

/// A compiled statement.
pub(crate) struct Rule {
    pub(crate) sid: Option<Box<str>>,
    pub(crate) effect: Effect,
    /// `None` in policies that belong to somebody.
    audience: Option<Audience>,
    actions: Matcher<ActionPattern>,
    resources: Matcher<ResourcePattern>,
    conditions: Box<[Condition]>,
    /// Whether a condition names the caller, so that `*` means no more than that.
    names_caller: bool,
}

/// What a list of patterns matches.
enum Matcher<P> {
    Only(Box<[P]>),
    Except(Box<[P]>),
    /// The element is left out where it may be, and all is meant.
    All,
    /// It is missing or empty although it must not be: an Allow does not apply, a Deny does.
    Flaw,
}

/// What is asked of each statement.
pub(crate) struct Question<'a> {
    pub(crate) caller: &'a Caller,
    /// In lower case.
    pub(crate) service: &'a str,
    /// In lower case.
    pub(crate) name: &'a str,
    /// None for a request without a resource of its own, whose resource is `*`.
    pub(crate) resource: Option<Arn<'a>>,
}

impl Policy {
    /// Compiles a document. `name` is what decisions call it: the name of a managed or inline
    /// policy, or of the repository whose policy it is.
    #[must_use]
    pub fn new(document: &Document, grammar: Grammar, name: &str) -> Policy {
        let rule = |statement| Rule::new(statement, grammar, document.knows_variables());
        Policy {
            name: name.into(),
            arn: None,
            rules: document.statements.iter().map(rule).collect(),
        }
    }

    /// The same with the ARN that it has as a managed policy.
    #[must_use]
    pub fn with_arn(self, arn: &str) -> Policy {
        Policy { arn: Some(arn.into()), ..self }
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub fn arn(&self) -> Option<&str> {
        self.arn.as_deref()
    }

    pub(crate) fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Policy({}, {} statements)", self.name, self.rules.len())
    }
}

impl Rule {
    fn new(statement: &Statement, grammar: Grammar, variables: bool) -> Rule {
        let of_somebody = grammar == Grammar::Identity;
        let resources = match &statement.resource {
            None if !of_somebody => Matcher::All,
            patterns => {
                Matcher::of(patterns.as_ref(), |text| ResourcePattern::parse(text, variables))
            }
        };
        let conditions = Condition::of(statement, variables);
        Rule {
            sid: statement.sid.as_deref().map(Into::into),
            effect: statement.effect,
            audience: (!of_somebody).then(|| match &statement.principal {
                Some(principal) => Audience::of(principal),
                None => Audience::nobody(statement.effect),
            }),
            actions: Matcher::of(statement.action.as_ref(), ActionPattern::parse),
            resources,
            names_caller: conditions.iter().any(Condition::names_principals),
            conditions,
        }
    }

    /// How strongly the statement applies to what is asked; for a Deny, [`Grant::Full`] if it does.
    pub(crate) fn applies<'s>(
        &'s self,
        question: &Question<'_>,
        lookup: &mut dyn Lookup<'s>,
    ) -> Grant {
        let deny = self.effect == Effect::Deny;
        let grant = self.reach(question.caller);
        if grant == Grant::None || !self.covers(question, lookup) {
            return Grant::None;
        }
        // All conditions are looked at only as far as one fails.
        let hold = self.conditions.iter().all(|condition| condition.holds(lookup).unwrap_or(deny));
        if hold { grant } else { Grant::None }
    }

    fn reach(&self, caller: &Caller) -> Grant {
        match (&self.audience, self.effect) {
            (None, _) => Grant::Full,
            (Some(audience), Effect::Deny) => {
                if audience.denies(caller) {
                    Grant::Full
                } else {
                    Grant::None
                }
            }
            (Some(audience), Effect::Allow) => match audience.grant(caller) {
                Grant::Capped if self.names_caller && audience.is_everyone() => Grant::Full,
                grant => grant,
            },
        }
    }

    fn covers<'s>(&'s self, question: &Question<'_>, lookup: &mut dyn Lookup<'s>) -> bool {
        let flaw = self.effect == Effect::Deny;
        self.actions.matches(flaw, |pattern| pattern.matches(question.service, question.name))
            && self
                .resources
                .matches(flaw, |pattern| pattern.matches(question.resource.as_ref(), lookup))
    }

    /// The keys that it asks for, in conditions and variables.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        let resources = match &self.resources {
            Matcher::Only(patterns) | Matcher::Except(patterns) => patterns.as_ref(),
            Matcher::All | Matcher::Flaw => &[],
        };
        let conditions = self.conditions.iter().flat_map(Condition::keys);
        resources.iter().flat_map(ResourcePattern::keys).chain(conditions)
    }
}

impl<P> Matcher<P> {
    fn of(patterns: Option<&Patterns>, parse: impl Fn(&str) -> P) -> Matcher<P> {
        let Some(Patterns { not, texts }) = patterns else {
            return Matcher::Flaw;
        };
        let compiled: Box<[P]> = texts.items.iter().map(|text| parse(text)).collect();
        match (*not, compiled.is_empty()) {
            (false, _) => Matcher::Only(compiled),
            (true, false) => Matcher::Except(compiled),
            (true, true) => Matcher::Flaw,
        }
    }

    fn matches<'s>(&'s self, flaw: bool, mut one: impl FnMut(&'s P) -> bool) -> bool {
        match self {
            Matcher::Only(patterns) => patterns.iter().any(one),
            Matcher::Except(patterns) => !patterns.iter().any(&mut one),
            Matcher::All => true,
            Matcher::Flaw => flaw,
        }
    }
}
