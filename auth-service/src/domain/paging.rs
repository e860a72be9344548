//! A page of anything.

/// A page of at most `limit`, of one row more if there is more; and where the next one begins.
pub(super) fn page<T, Id>(mut rows: Vec<T>, limit: u32, id: impl Fn(&T) -> Id) -> (Vec<T>, Option<Id>) {
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().map(id).filter(|_| has_more);
    (rows, next)
}
