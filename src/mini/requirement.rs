//! What a request's label selector requires, and what is wrong with its text (apimachinery `pkg/labels/selector.go`).
//! Pure; the selectors that objects carry are `label_selector`'s.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::vec::IntoIter;

use super::names;

/// How a label is to stand to the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

/// One label and what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

impl Requirement {
    pub(super) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let value = labels.get(&self.key);
        let among = || value.is_some_and(|value| self.values.contains(value));
        let numbers = || Some((value?.parse::<i64>().ok()?, self.values.first()?.parse::<i64>().ok()?));
        match self.operator {
            Operator::In => among(),
            Operator::NotIn => !among(),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::GreaterThan => numbers().is_some_and(|(own, bound)| own > bound),
            Operator::LessThan => numbers().is_some_and(|(own, bound)| own < bound),
        }
    }
}

/// All requirements of a selector.
///
/// # Errors
/// What the API server says of text that is no selector.
pub(super) fn parse(text: &str) -> Result<Vec<Requirement>, String> {
    let mut tokens = Tokens(scan(text).into_iter().peekable());
    let mut requirements = vec![];
    loop {
        match tokens.peek() {
            "" => return Ok(requirements),
            token if is_word(token) || token == "!" => {}
            token => return Err(format!("found '{token}', expected: !, identifier, or 'end of string'")),
        }
        let requirement = tokens.requirement().map_err(|why| format!("unable to parse requirement: {why}"))?;
        requirements.push(requirement);
        match tokens.next().as_str() {
            "" => return Ok(requirements),
            "," if is_word(tokens.peek()) || tokens.peek() == "!" => {}
            "," => return Err(format!("found '{}', expected: identifier after ','", tokens.peek())),
            token => return Err(format!("found '{token}', expected: ',' or 'end of string'")),
        }
    }
}

const SYMBOLS: &str = "=!(),><";
const KNOWN: &[&str] = &[")", ",", "!", "==", "=", ">", "<", "(", "!="];

/// Words and symbols; of symbols side by side the longest that is known.
fn scan(text: &str) -> Vec<String> {
    let mut tokens = vec![];
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let ends = |c: char| c.is_whitespace() || SYMBOLS.contains(c);
        let length = if SYMBOLS.contains(first) {
            KNOWN.iter().filter(|known| rest.starts_with(**known)).map(|known| known.len()).max().unwrap_or(1)
        } else {
            rest.find(ends).unwrap_or(rest.len())
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}

fn is_word(token: &str) -> bool {
    token.chars().next().is_some_and(|first| !SYMBOLS.contains(first))
}

/// What is left to read; nothing is an empty token.
struct Tokens(Peekable<IntoIter<String>>);

impl Tokens {
    fn peek(&mut self) -> &str {
        self.0.peek().map_or("", String::as_str)
    }

    fn next(&mut self) -> String {
        self.0.next().unwrap_or_default()
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let mut token = self.next();
        let negated = token == "!";
        if negated {
            token = self.next();
        }
        if !is_word(&token) {
            return Err(format!("found '{token}', expected: identifier"));
        }
        let key = token;
        if let Some(fault) = joined(names::label_key_errors("", &key)) {
            return Err(format!("<nil>: Invalid value: {key:?}: {fault}"));
        }
        let requirement = |operator, values| Requirement { key: key.clone(), operator, values };
        if negated {
            return Ok(requirement(Operator::DoesNotExist, vec![]));
        }
        if matches!(self.peek(), "" | ",") {
            return Ok(requirement(Operator::Exists, vec![]));
        }
        let token = self.next();
        let operator = match token.as_str() {
            "in" | "=" | "==" => Operator::In,
            "notin" | "!=" => Operator::NotIn,
            ">" => Operator::GreaterThan,
            "<" => Operator::LessThan,
            _ => return Err(format!("found '{token}', expected: in, notin, =, ==, !=, gt, lt")),
        };
        let values = if is_word(&token) { self.values()? } else { vec![self.value()?] };
        for (i, value) in values.iter().enumerate() {
            if matches!(operator, Operator::GreaterThan | Operator::LessThan) && value.parse::<i64>().is_err() {
                let detail = "for 'Gt', 'Lt' operators, the value must be an integer";
                return Err(format!("values[{i}]: Invalid value: {value:?}: {detail}"));
            }
            if let Some(fault) = joined(names::label_value_errors("", value)) {
                return Err(format!("values[{i}][{key}]: Invalid value: {value:?}: {fault}"));
            }
        }
        Ok(requirement(operator, values))
    }

    fn value(&mut self) -> Result<String, String> {
        if matches!(self.peek(), "" | ",") {
            return Ok(String::new());
        }
        let token = self.next();
        if is_word(&token) { Ok(token) } else { Err(format!("found '{token}', expected: identifier")) }
    }

    /// `(a, b)`; between commas there may be nothing.
    fn values(&mut self) -> Result<Vec<String>, String> {
        let token = self.next();
        if token != "(" {
            return Err(format!("found '{token}' expected: '('"));
        }
        let mut values = vec![];
        loop {
            if matches!(self.peek(), "," | ")") {
                values.push(String::new());
            } else {
                let token = self.next();
                if !is_word(&token) {
                    return Err(format!("found '{token}', expected: ',', ')' or identifier"));
                }
                values.push(token);
            }
            match self.next().as_str() {
                ")" => break,
                "," => {}
                token => return Err(format!("found '{token}', expected: ',' or ')'")),
            }
        }
        values.sort();
        values.dedup();
        Ok(values)
    }
}

/// The details of faults, as Go joins them.
fn joined(faults: Vec<super::status::FieldError>) -> Option<String> {
    let details: Vec<_> = faults.into_iter().map(|fault| fault.detail).collect();
    (!details.is_empty()).then(|| details.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(selector: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        parse(selector).unwrap().iter().all(|requirement| requirement.matches(&labels))
    }

    #[test]
    fn every_form_of_label_selector() {
        let labels = [("app", "web"), ("tier", "a"), ("age", "7"), ("empty", "")];
        for yes in [
            "app=web",
            "app==web",
            "app!=db",
            "app in (web, db)",
            "other notin (x)",
            "app",
            "!gone",
            " app = web ",
            "app=web,tier in (a,b)",
            "",
            "age>6",
            "age < 8",
            "empty=",
            "empty in ()",
            "in notin (in)",
            "gone!=",
        ] {
            assert!(holds(yes, &labels), "{yes}");
        }
        for no in
            ["app=db", "app!=web", "app in (db)", "tier notin (a)", "gone", "!app", "app=web,tier=b", "age>7", "app>1"]
        {
            assert!(!holds(no, &labels), "{no}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused_in_the_servers_words() {
        for (text, said) in [
            ("!a=b", "found '=', expected: ',' or 'end of string'"),
            ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
            ("a in (=)", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
            ("=b", "found '=', expected: !, identifier, or 'end of string'"),
        ] {
            assert_eq!(parse(text).unwrap_err(), said, "{text}");
        }
    }
}
