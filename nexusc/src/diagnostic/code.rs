//! The table of diagnostic codes. A code is never reused, and each has a page in `docs/errors/`.
//!
//! Families: 00 shape, 01 names and references, 02 values and units, 03 secrets and security, 04 routes,
//! 05 policies, 06 GPU plan, 07 SLO and alerts, 08 deploy and overlays, 09 lints.

use std::fmt;

use crate::diagnostic::Severity;

/// Declares the codes: one line each, with severity and title; the page is embedded by its name.
macro_rules! codes {
    ($($code:ident $severity:ident $title:literal)*) => {
        /// A diagnostic code: `NX` and four digits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $(#[doc = $title] $code,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$code),*];

            /// As it is printed: `NX0101`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$code => stringify!($code)),* }
            }

            /// What the rule says, in a phrase.
            pub fn title(self) -> &'static str {
                match self { $(Self::$code => $title),* }
            }

            /// Whether a finding of this code stops the compilation.
            pub fn severity(self) -> Severity {
                match self { $(Self::$code => Severity::$severity),* }
            }

            /// The page that `nexusc explain` prints, as Markdown.
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$code => {
                        include_str!(concat!("../../docs/errors/", stringify!($code), ".md"))
                    })*
                }
            }
        }
    };
}

codes! {
    NX0001 Error "the file is not valid TOML"
    NX0002 Error "a field that the language does not have"
    NX0003 Error "a required field is missing"
    NX0004 Error "a value of the wrong type"
    NX0005 Error "the edition is not one that this compiler knows"
    NX0006 Error "exactly one of several fields must be set"
    NX0101 Error "a reference to something that does not exist"
    NX0102 Error "a name with characters that names cannot have"
    NX0103 Error "two things have the same name"
    NX0104 Error "a list names the same thing twice"
    NX0201 Error "a duration that cannot be read"
    NX0202 Error "a size that cannot be read"
    NX0203 Error "a percentage that cannot be read"
    NX0204 Error "a listen address that cannot be read"
    NX0205 Error "an upstream URL that cannot be used"
    NX0206 Error "a number outside its range"
    NX0208 Error "a modality that there is none of"
    NX0301 Error "a secret is written into the spec"
    NX0302 Error "the name of an environment variable cannot be used"
    NX0303 Error "nobody could use the gateway"
    NX0304 Error "API keys have no effect in development mode"
    NX0305 Error "development mode in a production overlay"
    NX0306 Error "two API keys share one secret"
    NX0307 Error "a mock upstream in a production overlay"
    NX0308 Error "an algorithm that tokens cannot be signed with"
    NX0309 Error "a key that does not fit the algorithm of tokens"
    NX0310 Error "tokens have no effect in development mode"
    NX0311 Error "a leeway for tokens that is none"
    NX0312 Error "a claim that says nothing"
    NX0314 Error "a certificate without its key, or a key without its certificate"
    NX0315 Error "TLS settings of what is reached without TLS"
    NX0316 Error "a name that no certificate could have"
    NX0317 Error "TLS settings that set nothing"
    NX0318 Warning "API keys and prompts in clear text in production"
    NX0320 Warning "the API key of an upstream in clear text in production"
    NX0401 Error "a model that no route serves"
    NX0402 Error "a model that two routes serve"
    NX0403 Error "a fallback cycle"
    NX0404 Error "a route without a model or without an upstream"
    NX0405 Error "a canary that is its own primary"
    NX0406 Error "a gateway without a model"
    NX0407 Warning "a choice among one upstream"
    NX0408 Error "a load factor below 100 %"
    NX0409 Error "sticky by key in development mode"
    NX0410 Error "a default model that no key may use"
    NX0411 Error "what a route sticks to is neither key nor session"
    NX0412 Warning "sticky by key with a single key"
    NX0413 Warning "priorities that are all the same"
    NX0414 Error "a request without time for all of its attempts"
    NX0415 Error "a hedge without a second upstream"
    NX0416 Error "a hedge after the end of the attempt"
    NX0417 Error "a first pause longer than the longest"
    NX0418 Error "a hedge without a budget"
    NX0419 Error "a single attempt where a second is needed"
    NX0420 Warning "a fallback model that no attempt is left for"
    NX0421 Warning "two upstreams that are the same server"
    NX0422 Error "an upstream that is the gateway itself"
    NX0430 Error "a shadow that is one of its route's own upstreams"
    NX0431 Error "a shadow that gets no request"
    NX0432 Warning "a circuit breaker of an upstream that gets copies alone"
    NX0433 Error "a fallback model with a shorter context"
    NX0434 Error "a fallback model without tools"
    NX0435 Error "a fallback model without a modality"
    NX0436 Warning "a fallback model with less room"
    NX0437 Error "a default output without room for a prompt"
    NX0438 Warning "a limit above what upstreams can serve"
    NX0439 Warning "a share above what its upstream can serve"
    NX0440 Error "a context longer than an engine serves"
    NX0501 Warning "a circuit breaker that resets before a connection times out"
    NX0502 Warning "a circuit breaker that can never open"
    NX0503 Warning "a health check of a mock"
    NX0504 Error "a health check that takes longer than the time to the next"
    NX0505 Error "the path of a health check cannot be asked for"
    NX0510 Error "a rate that cannot be read"
    NX0511 Error "a limit that limits nothing"
    NX0512 Warning "a limit that limits nobody"
    NX0513 Error "a token limit without room for a request"
    NX0520 Error "an origin that no browser sends"
    NX0521 Error "a wildcard among the origins"
    NX0522 Error "CORS without an origin"
    NX0530 Error "what happens without the store is not said"
    NX0531 Error "a time limit for the store that is none"
    NX0532 Error "a store that has nothing to count"
    NX0540 Error "the address of an issuer's keys cannot be used"
    NX0541 Warning "an issuer's keys are fetched without encryption"
    NX0542 Error "an issuer's keys are fetched too often or too seldom"
    NX0543 Error "a probe that no model can be asked for"
    NX0544 Error "a probe of a model without a name"
    NX0545 Warning "every key that may ask for a model is an administrator's"
    NX0550 Warning "a log sample that changes nothing"
    NX0551 Error "what happens to requests that cannot be recorded is unknown"
    NX0552 Error "the path of an audit log cannot be used"
    NX0553 Error "a kind that cannot be masked"
    NX0554 Error "a mask that masks nothing"
    NX0555 Error "the address of a collector cannot be used"
    NX0556 Error "a header that a collector cannot be sent"
    NX0557 Warning "a collector's port that speaks gRPC"
    NX0560 Error "a keep-alive shorter than a second"
    NX0561 Warning "a keep-alive that is never sent"
    NX0562 Error "stream settings that change nothing"
    NX0563 Warning "usage that no upstream is asked for"
    NX0570 Error "a bound on requests that bounds nothing"
    NX0571 Warning "answers are forgotten before anybody asks again"
    NX0580 Error "a priority that there is none of"
    NX0581 Error "a queue with nothing to wait for"
    NX0582 Warning "a priority without a queue"
    NX0601 Error "a model whose figures are not known"
    NX0602 Error "figures of a model are missing"
    NX0603 Error "a figure of a model that cannot be"
    NX0604 Error "a GPU whose memory is not known"
    NX0605 Error "a setting of an engine that the plan does not know"
    NX0606 Error "a model that cannot be dealt to its GPUs"
    NX0607 Error "a model that does not fit onto its GPUs"
    NX0608 Warning "a model that fits by less than the plan can tell"
    NX0609 Error "a sequence longer than the model was made for"
    NX0610 Error "servers that do not fit onto a GPU together"
    NX0611 Warning "servers that fit onto a GPU by less than the plan can tell"
    NX0612 Error "a file of a model that cannot be used"
    NX0613 Warning "a GPU that no engine runs on"
    NX0614 Error "a server that starts after itself"
    NX0615 Warning "two GPUs of one number"
    NX0616 Error "settings that the engine refuses together"
    NX0701 Error "an alert about something that the gateway never exports"
    NX0702 Error "a threshold that the alert cannot have"
    NX0703 Error "a severity that does not exist"
    NX0704 Error "not an address that can be told of alerts"
    NX0705 Error "a scrape interval that alerts cannot work with"
    NX0706 Warning "an alert that nobody is told of"
    NX0707 Error "an objective whose alerts could never fire"
    NX0708 Error "an alert that could never fire"
    NX0801 Error "an overlay varies what is fixed in the binary"
    NX0802 Error "a kind of artifact that does not exist"
    NX0803 Error "not the name of a container image"
    NX0810 Error "a port used twice"
    NX0811 Error "two containers of one name"
    NX0812 Error "TLS that ends twice"
    NX0813 Error "a service of compose that cannot run as written"
    NX0814 Error "a profile of compose that cannot start as written"
    NX0815 Error "servers that an overlay cannot have"
    NX0820 Warning "replicas that each admit a whole limit"
    NX0821 Error "a name that Kubernetes does not take"
    NX0822 Error "more replicas at least than at most"
    NX0823 Error "a way to expose the gateway that there is none of"
    NX0824 Error "an ingress that has no certificate to present"
    NX0825 Warning "two environments that answer to one host"
    NX0830 Error "not the address of a service"
    NX0831 Error "not a region or a namespace of CloudWatch"
    NX0850 Error "an emitted file that its tool does not take"
    NX0851 Error "an emitted file that is not what the spec gives"
    NX0860 Error "the container of an engine that cannot run as written"
    NX0861 Error "an overlay of a profile that no engine has"
    NX0870 Error "alerts are Grafana's to tell of, and it is not emitted with what it asks"
    NX0871 Error "two ways to send mails, where Grafana has one"
    NX0901 Warning "an upstream that no route uses"
    NX0902 Warning "an API key that may use no model"
    NX0903 Warning "a field that a mock upstream does not use"
    NX0907 Error "a level that a code cannot have"
    NX0908 Warning "an allowed code that finds nothing"
    NX0909 Error "a level without a reason"
    NX0910 Error "a test of the spec fails"
    NX0911 Error "a test that expects nothing"
    NX0912 Error "a test of a caller that there cannot be"
    NX0913 Warning "a circumstance of a test that changes nothing"
    NX0914 Error "a header that tests do not know"
}

/// Errors that a spec may allow: what they find works, until the day on which it is needed.
const ERRORS_TO_ALLOW: &[Code] = &[Code::NX0433, Code::NX0434, Code::NX0435];

/// What `nexusc verify` finds in files on disk; no compilation does.
const OF_FILES: &[Code] = &[Code::NX0850, Code::NX0851];

impl Code {
    /// Whether it is about emitted files on disk, so that no spec shows it.
    pub fn is_of_files(self) -> bool {
        OF_FILES.contains(&self)
    }

    /// Whether a spec may allow it: every warning, and those errors that are a matter of judgement.
    pub fn may_be_allowed(self) -> bool {
        self.severity() == Severity::Warning || ERRORS_TO_ALLOW.contains(&self)
    }

    /// The code of this name, in any case: `NX0101`, `nx0101`.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
