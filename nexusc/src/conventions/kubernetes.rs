//! The names of what runs in Kubernetes. Each is one label of a domain name: at most 63 characters.

/// The folder of the manifests, inside that of a spec.
pub const FOLDER: &str = "kubernetes";

/// The most characters of a name.
const LONGEST: usize = 63;

/// A part of something: `fleet-redis`. What is too long loses the end of the whole, never the part.
pub fn part(whole: &str, part: &str) -> String {
    let room = LONGEST.saturating_sub(part.len() + 1);
    let whole = whole.get(..whole.len().min(room)).unwrap_or_default();
    let name = format!("{}-{part}", whole.trim_end_matches('-'));
    name.trim_start_matches('-').to_owned()
}

/// The Secret with what the dataplane of a spec does not start without.
pub fn secrets(spec: &str) -> String {
    part(spec, "secrets")
}

/// The Secret with the certificate that clients see, as `kubectl create secret tls` and cert-manager make it.
pub fn certificate(spec: &str) -> String {
    part(spec, "tls")
}

/// The Redis of a spec.
pub fn redis(spec: &str) -> String {
    part(spec, "redis")
}

/// What answers in the place of the engines of a spec.
pub fn mock(spec: &str) -> String {
    part(spec, "mock")
}

/// The Secret with the certificate that Prometheus presents to a gateway which asks for one.
pub fn scraper(spec: &str) -> String {
    part(spec, "scraper-tls")
}

/// What gives the gateway an address outside the cluster.
pub fn load_balancer(spec: &str) -> String {
    part(spec, "load-balancer")
}

/// `wanted`, or a name like it that is not `taken`.
pub fn unused(wanted: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(wanted) {
        return wanted.to_owned();
    }
    let numbered = (2_u64..).map(|number| part(wanted, &number.to_string()));
    let mut free = numbered.filter(|name| !taken(name));
    free.next().expect("not all numbers are taken")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_room() {
        assert_eq!(part("fleet", "redis"), "fleet-redis");
        let long = "a".repeat(63);
        assert_eq!(part(&long, "redis"), format!("{}-redis", "a".repeat(57)));
        assert_eq!(part("fleet", &long), long);
        assert_eq!(part(&format!("{}-b", "a".repeat(56)), "redis").len(), 62);
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let taken = ["chat", "chat-2"];
        assert_eq!(unused("chat", |name| taken.contains(&name)), "chat-3");
        assert_eq!(unused("code", |name| taken.contains(&name)), "code");
    }
}
