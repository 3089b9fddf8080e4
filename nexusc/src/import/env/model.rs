//! Upstreams, the models that they are, route policies and fallbacks.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::import::draft::{Draft, Section, key, list, string};
use crate::import::env::Settings;
use crate::import::fallback::leads_to;
use crate::import::names::{Names, model_name, not_carried, shown, shown_all};
use crate::import::{Error, address};

const ROUTES: &str = "GATEWAY_ROUTE_POLICIES";
const FALLBACKS: &str = "GATEWAY_FALLBACKS";
const DEFAULT: &str = "GATEWAY_DEFAULT_UPSTREAM";

/// What clients can ask for, and who answers.
pub(super) struct Models {
    /// The address of each upstream, by its name there, with its name here.
    upstreams: BTreeMap<String, (String, String)>,
    /// The rule of each model as TOML: the field, and its value.
    rules: BTreeMap<String, (&'static str, String)>,
    fallbacks: BTreeMap<String, Vec<String>>,
    /// The model for names that nobody knows.
    pub(super) default: Option<String>,
    notes: Vec<String>,
}

pub(super) fn read(settings: &mut Settings) -> Result<Models, Error> {
    let mut models = Models {
        upstreams: BTreeMap::new(),
        rules: BTreeMap::new(),
        fallbacks: BTreeMap::new(),
        default: None,
        notes: Vec::new(),
    };
    let mut names = Names::default();
    for entry in entries(&settings.take("GATEWAY_UPSTREAMS").unwrap_or_default(), ';') {
        let (name, url) = entry.split_once('=').unwrap_or((entry, ""));
        let name = name.trim();
        let read = model_name(name)
            .map_err(str::to_owned)
            .and_then(|()| address::of(url));
        match read {
            Ok(url) => {
                let own = names.unique(name, "upstream");
                models.upstreams.insert(name.to_owned(), (own, url));
            }
            Err(why) => {
                let what = format!("the upstream {} of `GATEWAY_UPSTREAMS`", shown(name));
                models
                    .notes
                    .push(format!("not carried over: {what}: {why}"));
            }
        }
    }
    if models.upstreams.is_empty() {
        if models.notes.is_empty() {
            models
                .notes
                .push("`GATEWAY_UPSTREAMS` is not set: `name=url;...`".to_owned());
        }
        return Err(Error::NoModel(models.notes));
    }
    let own: Vec<(String, String)> = models
        .upstreams
        .iter()
        .map(|(name, (own, _))| (name.clone(), own.clone()))
        .collect();
    for (name, own) in own {
        models.rules.insert(
            name,
            ("direct", format!("{{ upstream = {} }}", string(&own))),
        );
    }
    models.read_routes(settings.take(ROUTES));
    models.read_fallbacks(settings.take(FALLBACKS));
    if let Some(name) = settings.take(DEFAULT) {
        if models.rules.contains_key(&name) {
            models.default = Some(name);
        } else {
            let why = format!("there is no upstream {}", shown(&name));
            models.notes.push(not_carried(DEFAULT, &why));
        }
    }
    Ok(models)
}

impl Models {
    /// The models that there are.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.rules.keys().cloned().collect()
    }

    /// `chat=canary:a,b,10;...`, or an object of the same.
    fn read_routes(&mut self, value: Option<String>) {
        let Some(value) = value else { return };
        let policies: Vec<(String, Result<Policy, String>)> = match serde_json::from_str(&value) {
            Ok(Json::Object(object)) => object
                .iter()
                .map(|(name, policy)| (name.clone(), Policy::of_json(policy)))
                .collect(),
            _ => entries(&value, ';')
                .map(|entry| {
                    let (name, policy) = entry.split_once('=').unwrap_or((entry, ""));
                    (name.trim().to_owned(), Policy::of_text(policy.trim()))
                })
                .collect(),
        };
        for (name, policy) in policies {
            let rule = model_name(&name)
                .map_err(str::to_owned)
                .and(policy)
                .and_then(|policy| self.rule(&policy));
            match rule {
                Ok(rule) => {
                    self.rules.insert(name, rule);
                }
                Err(why) => {
                    let what = format!("the policy of {} in `{ROUTES}`", shown(&name));
                    self.notes.push(format!("not carried over: {what}: {why}"));
                }
            }
        }
    }

    /// The rule of a route as TOML.
    fn rule(&self, policy: &Policy) -> Result<(&'static str, String), String> {
        let own = |name: &str| {
            let upstream = self.upstreams.get(name).map(|(own, _)| own.as_str());
            upstream.ok_or_else(|| format!("there is no upstream {}", shown(name)))
        };
        let targets = |targets: &[(String, u64)]| -> Result<String, String> {
            let one =
                |(name, number): &(String, u64)| Ok(format!("{} = {number}", key(own(name)?)));
            let all: Result<Vec<String>, String> = targets.iter().map(one).collect();
            Ok(format!("{{ targets = {{ {} }} }}", all?.join(", ")))
        };
        match policy {
            Policy::Direct(name) => {
                Ok(("direct", format!("{{ upstream = {} }}", string(own(name)?))))
            }
            Policy::Weighted(shares) | Policy::Priority(shares) if shares.len() == 1 => {
                let only = shares.first().map_or("", |(name, _)| name.as_str());
                Ok(("direct", format!("{{ upstream = {} }}", string(own(only)?))))
            }
            Policy::Weighted(shares)
                if shares
                    .iter()
                    .any(|(_, weight)| !(1..=1_000_000).contains(weight)) =>
            {
                Err("weights are whole numbers from 1 to 1000000".to_owned())
            }
            Policy::Weighted(shares) => Ok(("weighted", targets(shares)?)),
            Policy::Priority(order) if order.iter().any(|(_, number)| *number > 1000) => {
                Err("priorities are whole numbers from 0 to 1000".to_owned())
            }
            Policy::Priority(order) => Ok(("priority", targets(order)?)),
            Policy::Canary {
                primary,
                canary,
                percent,
            } => {
                let (primary, canary) = (own(primary)?, own(canary)?);
                if primary == canary || !(0.0..=100.0).contains(percent) {
                    return Err("a canary is another upstream, with 0 to 100 percent".to_owned());
                }
                let percent = (percent * 100.0).round() / 100.0;
                Ok((
                    "canary",
                    format!(
                        "{{ primary = {}, canary = {}, percent = \"{percent}%\" }}",
                        string(primary),
                        string(canary)
                    ),
                ))
            }
        }
    }

    /// `llama=gpt-4o-mini,mock;...`
    fn read_fallbacks(&mut self, value: Option<String>) {
        for entry in entries(&value.unwrap_or_default(), ';') {
            let (name, chain) = entry.split_once('=').unwrap_or((entry, ""));
            let name = name.trim();
            let (mut kept, mut lost) = (Vec::new(), Vec::new());
            for other in entries(chain, ',') {
                let known = self.rules.contains_key(name) && self.rules.contains_key(other);
                if known
                    && !leads_to(&self.fallbacks, other, name)
                    && !kept.iter().any(|it| it == other)
                {
                    kept.push(other.to_owned());
                } else {
                    lost.push(other);
                }
            }
            if !lost.is_empty() || kept.is_empty() {
                self.notes.push(format!(
                    "not carried over: of `{FALLBACKS}`, from {} to {}: both must be models, and the last of a chain has no \
                     fallback that leads back",
                    shown(name),
                    shown_all(lost)
                ));
            }
            if !kept.is_empty() {
                self.fallbacks.insert(name.to_owned(), kept);
            }
        }
    }

    pub(super) fn add_to(self, draft: &mut Draft) {
        for name in self.rules.keys() {
            let mut section = Section::default();
            if let Some(fallback) = self.fallbacks.get(name) {
                section.set("fallback", list(fallback.iter().map(String::as_str)));
            }
            draft.add(&["models", name], section);
        }
        for (own, url) in self.upstreams.values() {
            let mut section = Section::default();
            section.set("url", string(url));
            draft.add(&["upstreams", own], section);
        }
        let mut names = Names::default();
        for (model, (rule, value)) in &self.rules {
            let mut section = Section::default();
            section.set("models", list([model.as_str()]));
            section.set(rule, value.as_str());
            draft.add(&["routes", &names.unique(model, "route")], section);
        }
        draft.rest.extend(self.notes);
    }
}

/// The parts of a list, without blanks.
pub(super) fn entries(text: &str, separator: char) -> impl Iterator<Item = &str> {
    text.split(separator)
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

/// How a model's requests choose among upstreams.
enum Policy {
    Direct(String),
    Weighted(Vec<(String, u64)>),
    Priority(Vec<(String, u64)>),
    Canary {
        primary: String,
        canary: String,
        percent: f64,
    },
}

impl Policy {
    /// `direct:a`, `weighted:a=3,b=1`, `priority:a=1,b=2`, `canary:a,b,10`, or the name of an upstream alone.
    fn of_text(text: &str) -> Result<Self, String> {
        let (kind, rest) = text.split_once(':').unwrap_or(("direct", text));
        let numbers = || -> Result<Vec<(String, u64)>, String> {
            let pair = |entry: &str| {
                let (name, number) = entry.split_once(['=', ':'])?;
                Some((name.trim().to_owned(), number.trim().parse().ok()?))
            };
            let pairs: Option<Vec<_>> = entries(rest, ',').map(pair).collect();
            pairs.ok_or_else(|| "expected `name=number,...`".to_owned())
        };
        match kind.trim() {
            "direct" => Ok(Self::Direct(rest.trim().to_owned())),
            "weighted" => Ok(Self::Weighted(numbers()?)),
            "priority" => Ok(Self::Priority(numbers()?)),
            "canary" => match entries(rest, ',').collect::<Vec<_>>()[..] {
                [primary, canary, percent] => Ok(Self::Canary {
                    primary: primary.to_owned(),
                    canary: canary.to_owned(),
                    percent: percent
                        .trim_end_matches('%')
                        .parse()
                        .map_err(|_| "expected a percentage")?,
                }),
                _ => Err("expected `canary:PRIMARY,CANARY,PERCENT`".to_owned()),
            },
            other => Err(format!("there is no rule {}", shown(other))),
        }
    }

    /// `{"type": "canary", "primary": "a", "canary": "b", "percent": 10}` and the like.
    fn of_json(policy: &Json) -> Result<Self, String> {
        let field = |names: &[&str]| names.iter().find_map(|name| policy.get(name));
        let text = |names: &[&str]| {
            let value = field(names).and_then(Json::as_str).map(str::to_owned);
            value.ok_or_else(|| format!("`{}` is missing", names.join("` or `")))
        };
        let targets = || -> Result<Vec<(String, u64)>, String> {
            let targets = field(&["targets", "upstreams", "weights"]).and_then(Json::as_object);
            let pair = |(name, number): (&String, &Json)| Some((name.clone(), number.as_u64()?));
            let pairs: Option<Vec<_>> =
                targets.and_then(|targets| targets.iter().map(pair).collect());
            pairs.ok_or_else(|| "`targets` is no object of whole numbers".to_owned())
        };
        if let Some(name) = policy.as_str() {
            return Self::of_text(name);
        }
        match text(&["type", "strategy", "policy"])?.as_str() {
            "direct" => Ok(Self::Direct(text(&["upstream", "target"])?)),
            "weighted" => Ok(Self::Weighted(targets()?)),
            "priority" => Ok(Self::Priority(targets()?)),
            "canary" => Ok(Self::Canary {
                primary: text(&["primary"])?,
                canary: text(&["canary"])?,
                percent: field(&["percent", "percentage"])
                    .and_then(Json::as_f64)
                    .ok_or("`percent` is no number")?,
            }),
            other => Err(format!("there is no rule {}", shown(other))),
        }
    }
}
