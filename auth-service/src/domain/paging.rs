//! Paging through rows of any kind.

/// Makes a page of at most `limit` rows, given one row more than that if there are more. Also returns the id after
/// which the next page begins.
pub(super) fn page<T, Id>(mut rows: Vec<T>, limit: u32, id: impl Fn(&T) -> Id) -> (Vec<T>, Option<Id>) {
    let has_more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().map(id).filter(|_| has_more);
    (rows, next)
}
