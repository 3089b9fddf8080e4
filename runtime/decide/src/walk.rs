//! Whom a request asks, in turn: the candidates of its model, then those of the models that stand in for it. Those
//! that are unhealthy come last: better a try than a certain failure.

use std::iter::Peekable;
use std::slice;

use crate::Candidate;
use crate::order::{Order, order};
use crate::rule::Rule;

/// What a walk sees of a gateway, each at the moment when it is asked for.
pub trait Sight<'t> {
    /// A model.
    type Model: Copy;
    /// An upstream.
    type Upstream: Candidate;

    /// The rule of the route of `model`.
    fn rule(&self, model: Self::Model) -> Rule<'t, Self::Upstream>;

    /// What the choice among the upstreams of `model` goes by.
    fn draw(&self, model: Self::Model) -> u64;

    /// How many requests `upstream` has in flight; any number where no rule goes by it.
    fn in_flight(&self, upstream: Self::Upstream) -> u32;

    /// Whether others are to be asked before `upstream`.
    fn comes_last(&self, upstream: Self::Upstream) -> bool;
}

/// What comes next for a request that nobody has answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn<M, U> {
    /// The route of this model is next: its upstreams in their order.
    Begin(M),
    /// This upstream may be asked for this model.
    Ask(M, U),
    /// The upstreams of this model's route have been asked, but for those that come last.
    End(M),
    /// This upstream came last, and nobody else is left.
    Last(M, U),
}

/// The turns of one request. It is for the caller to bound them, and to leave out an upstream that it has asked.
pub struct Walk<'t, S: Sight<'t>> {
    sight: S,
    requested: Option<S::Model>,
    fallback: slice::Iter<'t, S::Model>,
    route: Option<Left<'t, S>>,
    last: Vec<(S::Model, S::Upstream)>,
    /// How many of the last have had their turn.
    given: usize,
}

/// What is left of a route.
struct Left<'t, S: Sight<'t>> {
    model: S::Model,
    candidates: Peekable<Order<'t, S::Upstream>>,
}

impl<'t, S: Sight<'t>> Walk<'t, S> {
    /// The turns of a request for the model `requested`, whose `fallback` models may answer in its place.
    pub fn new(sight: S, requested: S::Model, fallback: &'t [S::Model]) -> Self {
        Self {
            sight,
            requested: Some(requested),
            fallback: fallback.iter(),
            route: None,
            last: Vec::new(),
            given: 0,
        }
    }

    /// The next candidate of the same route, which keeps its turn.
    pub fn peek(&mut self) -> Option<S::Upstream> {
        self.route.as_mut()?.candidates.peek().copied()
    }

    /// Takes the next candidate of the same route out of turn.
    pub fn take_next(&mut self) -> Option<S::Upstream> {
        self.route.as_mut()?.candidates.next()
    }
}

impl<'t, S: Sight<'t>> Iterator for Walk<'t, S> {
    type Item = Turn<S::Model, S::Upstream>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(left) = &mut self.route {
            let model = left.model;
            for upstream in left.candidates.by_ref() {
                if !self.sight.comes_last(upstream) {
                    return Some(Turn::Ask(model, upstream));
                }
                self.last.push((model, upstream));
            }
            self.route = None;
            return Some(Turn::End(model));
        }
        let next = self.requested.take();
        if let Some(model) = next.or_else(|| self.fallback.next().copied()) {
            let rule = self.sight.rule(model);
            let load = |upstream| self.sight.in_flight(upstream);
            let order = order(&rule, self.sight.draw(model), load);
            self.route = Some(Left {
                model,
                candidates: order.peekable(),
            });
            return Some(Turn::Begin(model));
        }
        let (model, upstream) = *self.last.get(self.given)?;
        self.given += 1;
        Some(Turn::Last(model, upstream))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::fixture::{A, B, C, Named};

    /// Two models: `1` asks `a`, then `b`; `2` asks `c`, then `a`.
    struct Two {
        last: &'static [Named],
    }

    impl Sight<'static> for Two {
        type Model = u8;
        type Upstream = Named;

        fn rule(&self, model: u8) -> Rule<'static, Named> {
            match model {
                1 => Rule::Priority(&[&[A], &[B]]),
                _ => Rule::Priority(&[&[C], &[A]]),
            }
        }

        fn draw(&self, _: u8) -> u64 {
            0
        }

        fn in_flight(&self, _: Named) -> u32 {
            0
        }

        fn comes_last(&self, upstream: Named) -> bool {
            self.last.contains(&upstream)
        }
    }

    fn walk(last: &'static [Named]) -> Walk<'static, Two> {
        Walk::new(Two { last }, 1, &[2])
    }

    #[test]
    fn a_fallback_model_comes_after_the_others_of_the_route() {
        let turns: Vec<_> = walk(&[]).collect();
        let expected = [
            Turn::Begin(1),
            Turn::Ask(1, A),
            Turn::Ask(1, B),
            Turn::End(1),
            Turn::Begin(2),
            Turn::Ask(2, C),
            Turn::Ask(2, A),
            Turn::End(2),
        ];
        assert_eq!(turns, expected);
    }

    #[test]
    fn the_unhealthy_come_after_all_others_and_are_not_lost() {
        let turns: Vec<_> = walk(&[A]).collect();
        let expected = [
            Turn::Begin(1),
            Turn::Ask(1, B),
            Turn::End(1),
            Turn::Begin(2),
            Turn::Ask(2, C),
            Turn::End(2),
            Turn::Last(1, A),
            Turn::Last(2, A),
        ];
        assert_eq!(turns, expected);
    }

    #[test]
    fn what_is_taken_out_of_turn_has_had_its_turn() {
        let mut walk = walk(&[]);
        assert_eq!(walk.peek(), None);
        assert_eq!(walk.next(), Some(Turn::Begin(1)));
        assert_eq!(walk.next(), Some(Turn::Ask(1, A)));
        assert_eq!(walk.peek(), Some(B));
        assert_eq!(walk.take_next(), Some(B));
        assert_eq!(walk.next(), Some(Turn::End(1)));
        assert_eq!(walk.peek(), None);
    }
}
