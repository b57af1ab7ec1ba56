//! Pages of SNS's listings.

use posthouse_model::operation::Page;

/// The first items. If there are more, the next page begins after the last of these.
pub(super) fn collect<T, K>(
    mut items: impl Iterator<Item = T>,
    results_max: usize,
    name: impl FnOnce(&T) -> K,
) -> Page<T, K> {
    let page: Vec<T> = items.by_ref().take(results_max).collect();
    let last = page.last().filter(|_| items.next().is_some());
    let next = last.map(name);
    Page { items: page, next }
}
