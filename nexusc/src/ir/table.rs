//! Tables of named entities, sorted by name, and the ids that refer into them.

use std::fmt;
use std::marker::PhantomData;

/// An entity with a name that is unique in its table.
pub trait Named {
    /// The name.
    fn name(&self) -> &str;
}

/// The place of a `T` in its [`Table`].
pub struct Id<T> {
    index: usize,
    of: PhantomData<fn() -> T>,
}

/// Entities sorted by name.
#[derive(Debug)]
pub struct Table<T>(Vec<T>);

/// The names of a table before its entities exist: what references are resolved against.
#[derive(Debug)]
pub struct Names<'s, T> {
    sorted: Vec<&'s str>,
    of: PhantomData<fn() -> T>,
}

impl<'s, T> Names<'s, T> {
    /// The names in ascending order, as the keys of a `BTreeMap` come.
    pub fn from_sorted(names: impl IntoIterator<Item = &'s String>) -> Self {
        let sorted: Vec<&str> = names.into_iter().map(String::as_str).collect();
        debug_assert!(
            sorted.is_sorted(),
            "ids are places in ascending order of names"
        );
        Self {
            sorted,
            of: PhantomData,
        }
    }

    /// The id that the entity of this name has, or will have.
    pub fn find(&self, name: &str) -> Option<Id<T>> {
        self.sorted.binary_search(&name).ok().map(Id::new)
    }

    /// All names, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = &'s str> + Clone {
        self.sorted.iter().copied()
    }
}

impl<T: Named> Table<T> {
    /// A table of entities in ascending order of their names.
    pub fn from_sorted(entities: Vec<T>) -> Self {
        debug_assert!(
            entities.is_sorted_by(|a, b| a.name() < b.name()),
            "names ascend"
        );
        Self(entities)
    }

    /// The id of the entity of this name.
    pub fn find(&self, name: &str) -> Option<Id<T>> {
        let found = self.0.binary_search_by(|entity| entity.name().cmp(name));
        found.ok().map(Id::new)
    }

    /// The entity with this id.
    #[expect(
        clippy::indexing_slicing,
        reason = "an id is made for an entity of this table"
    )]
    pub fn get(&self, id: Id<T>) -> &T {
        &self.0[id.index]
    }

    /// Every entity, by name.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    /// Every entity with its id, by name.
    pub fn ids(&self) -> impl Iterator<Item = (Id<T>, &T)> {
        enumerate(&self.0)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The entities of a table to be, sorted by name, each with the id that it will have.
pub fn enumerate<T>(sorted: &[T]) -> impl Iterator<Item = (Id<T>, &T)> {
    sorted
        .iter()
        .enumerate()
        .map(|(index, entity)| (Id::new(index), entity))
}

impl<T> Id<T> {
    fn new(index: usize) -> Self {
        Self {
            index,
            of: PhantomData,
        }
    }

    /// The place in the table, for side tables with one row for each entity.
    pub fn index(self) -> usize {
        self.index
    }
}

// Written out because a derive would ask the same of `T`.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.index.cmp(&other.index)
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.index)
    }
}
