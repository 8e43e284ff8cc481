//! The values of conditions by type, and how a value of the request compares with them. A value of
//! the request that is none of the type is equal to nothing.

use std::net::IpAddr;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ipnet::{IpNet, Ipv4Net};
use jiff::Timestamp;

use super::decimal::Decimal;
use super::moment;
use super::operator::{Comparison, Order};
use crate::Key;
use crate::arn::{Arn, ArnPattern};
use crate::template::{Lookup, Template};

/// A value of a policy.
#[derive(Debug)]
pub(crate) enum Expected {
    Text(Template),
    Number(Decimal),
    Moment(Timestamp),
    Truth(bool),
    Bytes(Vec<u8>),
    Net(IpNet),
    Arn(ArnPattern),
}

impl Expected {
    /// The value that `text` is for this comparison, if it is one. Variables are for strings and
    /// ARNs only.
    pub(crate) fn parse(comparison: Comparison, text: &str, variables: bool) -> Option<Expected> {
        match comparison {
            Comparison::Equals | Comparison::EqualsIgnoreCase => {
                Some(Expected::Text(Template::parse(text, false, variables)))
            }
            Comparison::Like => Some(Expected::Text(Template::parse(text, true, variables))),
            Comparison::Number(_) => Decimal::parse(text).map(Expected::Number),
            Comparison::Date(_) => moment::parse(text).map(Expected::Moment),
            Comparison::Bool | Comparison::Null => truth(text).map(Expected::Truth),
            Comparison::Binary => BASE64_STANDARD.decode(text).ok().map(Expected::Bytes),
            Comparison::Ip => network(text).map(Expected::Net),
            Comparison::Arn => Some(Expected::Arn(ArnPattern::parse(text, variables))),
        }
    }

    /// Whether `text` of the request lies to this value as `comparison` says.
    pub(crate) fn compare<'s>(
        &'s self,
        comparison: Comparison,
        text: &str,
        lookup: &mut dyn Lookup<'s>,
    ) -> bool {
        match (self, comparison) {
            (Expected::Text(template), Comparison::EqualsIgnoreCase) => template
                // Of three bytes in another case one may be left: the Kelvin sign is a k.
                .resolve(text.len() * 4, lookup)
                .and_then(|glob| glob.as_text().map(|own| folds_to(own, text)))
                .unwrap_or(false),
            (Expected::Text(template), _) => {
                template.resolve(text.len(), lookup).is_some_and(|glob| glob.matches(text))
            }
            (Expected::Number(own), Comparison::Number(order)) => {
                Decimal::parse(text).is_some_and(|number| order.holds(&number, own))
            }
            (Expected::Moment(own), Comparison::Date(order)) => {
                moment::parse(text).is_some_and(|moment| order.holds(&moment, own))
            }
            (Expected::Truth(own), _) => truth(text) == Some(*own),
            (Expected::Bytes(own), _) => {
                BASE64_STANDARD.decode(text).is_ok_and(|bytes| bytes == *own)
            }
            (Expected::Net(own), _) => address(text).is_some_and(|address| own.contains(&address)),
            (Expected::Arn(own), _) => {
                Arn::parse(text).is_some_and(|arn| own.matches(&arn, lookup))
            }
            (Expected::Number(_) | Expected::Moment(_), _) => false,
        }
    }

    /// Whether it is a text or an ARN without wildcards and variables.
    pub(crate) fn is_text(&self) -> bool {
        match self {
            Expected::Text(Template::Known(glob)) => glob.is_text(),
            Expected::Arn(pattern) => pattern.is_text(),
            _ => false,
        }
    }

    /// The keys of its variables.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        let (text, arn) = match self {
            Expected::Text(template) => (Some(template), None),
            Expected::Arn(pattern) => (None, Some(pattern)),
            _ => (None, None),
        };
        let text = text.into_iter().flat_map(Template::keys);
        text.chain(arn.into_iter().flat_map(ArnPattern::keys))
    }
}

impl Order {
    fn holds<T: Ord>(self, request: &T, policy: &T) -> bool {
        match self {
            Order::Equal => request == policy,
            Order::Less => request < policy,
            Order::LessOrEqual => request <= policy,
            Order::Greater => request > policy,
            Order::GreaterOrEqual => request >= policy,
        }
    }
}

fn folds_to(a: &str, b: &str) -> bool {
    a.chars().flat_map(char::to_lowercase).eq(b.chars().flat_map(char::to_lowercase))
}

fn truth(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// An address of the request. One that carries an IPv4 address inside is taken for that.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// A network: `203.0.113.0/24`, or an address for itself alone. Bits behind the prefix are allowed.
fn network(text: &str) -> Option<IpNet> {
    let network = match text.parse() {
        Ok(network) => network,
        Err(_) => IpNet::from(text.parse::<IpAddr>().ok()?),
    };
    match network {
        IpNet::V6(six) if six.prefix_len() >= 96 => match six.addr().to_ipv4_mapped() {
            Some(four) => Ipv4Net::new(four, six.prefix_len() - 96).ok().map(IpNet::V4),
            None => Some(network),
        },
        _ => Some(network),
    }
}
