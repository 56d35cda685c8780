//! Moving in a list: shared by all screens that have rows.

use crate::registry::ActionId;

/// The index after a move in a list of `count` rows of which `page` are shown. `None`: the action is no move.
pub(crate) fn moved(id: ActionId, index: usize, count: usize, page: usize) -> Option<usize> {
    let last = count.saturating_sub(1);
    let page = page.max(1);
    Some(match id {
        ActionId::Up => index.saturating_sub(1),
        ActionId::Down => (index + 1).min(last),
        ActionId::HalfUp => index.saturating_sub(page.div_ceil(2)),
        ActionId::HalfDown => (index + page.div_ceil(2)).min(last),
        ActionId::PageUp => index.saturating_sub(page),
        ActionId::PageDown => (index + page).min(last),
        ActionId::Top => 0,
        ActionId::Bottom => last,
        _ => return None,
    })
}

/// The first shown row, so that the selected one is in view and the list is not scrolled further than needed.
pub(crate) fn scrolled(first: usize, selected: usize, count: usize, page: usize) -> usize {
    let page = page.max(1);
    let first =
        if selected < first { selected } else { first.max((selected + 1).saturating_sub(page)) };
    first.min(count.saturating_sub(page))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moves_stay_inside() {
        assert_eq!(moved(ActionId::Down, 2, 3, 10), Some(2));
        assert_eq!(moved(ActionId::Up, 0, 3, 10), Some(0));
        assert_eq!(moved(ActionId::Bottom, 0, 0, 10), Some(0));
        assert_eq!(moved(ActionId::Open, 0, 3, 10), None);
    }

    #[test]
    fn the_selected_row_is_in_view() {
        assert_eq!(scrolled(0, 12, 20, 10), 3);
        assert_eq!(scrolled(5, 2, 20, 10), 2);
        assert_eq!(scrolled(15, 16, 18, 10), 8);
        assert_eq!(scrolled(0, 0, 0, 0), 0);
    }
}
