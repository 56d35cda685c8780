//! Builds of one builder that ran at the same time stand side by side in its column, as meetings do in a calendar: no
//! build hides another. Those that only touch follow each other in one lane.

/// The most builds side by side; whatever else runs then shares the last lane.
const MOST: usize = 4;

/// Where a build stands within its column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lane {
    /// Builds that overlap, directly or through others, are one cluster and share its lanes.
    pub(crate) cluster: usize,
    /// From the left, from 0.
    pub(crate) index: usize,
    /// How many lanes the cluster has.
    pub(crate) of: usize,
}

/// Gives a lane to each build of one builder. They come in the order of their starts, as start and end; one that runs has
/// no end.
pub(crate) fn assign(builds: impl Iterator<Item = (i64, Option<i64>)>) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    // When each lane of the present cluster is free again.
    let mut free_at: Vec<i64> = Vec::new();
    let mut cluster = 0;
    let mut first = 0;
    for (start, end) in builds {
        if free_at.iter().all(|free| *free <= start) {
            widen(&mut lanes[first..], free_at.len());
            (first, cluster) = (lanes.len(), cluster + 1);
            free_at.clear();
        }
        let free = free_at.iter().position(|free| *free <= start);
        let index = free.unwrap_or(free_at.len()).min(MOST - 1);
        let end = end.unwrap_or(i64::MAX);
        match free_at.get_mut(index) {
            Some(free) => *free = end.max(*free),
            None => free_at.push(end),
        }
        lanes.push(Lane { cluster, index, of: 1 });
    }
    widen(&mut lanes[first..], free_at.len());
    lanes
}

fn widen(lanes: &mut [Lane], of: usize) {
    for lane in lanes {
        lane.of = of;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(builds: &[(i64, Option<i64>)]) -> Vec<(usize, usize, usize)> {
        let lanes = assign(builds.iter().copied());
        lanes.iter().map(|lane| (lane.cluster, lane.index, lane.of)).collect()
    }

    #[test]
    fn builds_that_only_touch_have_the_column_to_themselves() {
        let alone = [(1, 0, 1), (2, 0, 1), (3, 0, 1)];
        assert_eq!(places(&[(0, Some(10)), (10, Some(20)), (25, None)]), alone);
        assert_eq!(places(&[]), []);
    }

    #[test]
    fn builds_that_overlap_stand_side_by_side_and_lanes_are_used_again() {
        let builds = [(0, Some(10)), (5, Some(30)), (12, Some(20)), (40, Some(50))];
        assert_eq!(places(&builds), [(1, 0, 2), (1, 1, 2), (1, 0, 2), (2, 0, 1)]);
    }

    #[test]
    fn beyond_the_most_the_last_lane_is_shared() {
        let builds: Vec<_> = (0..6).map(|start| (start, None)).collect();
        let lanes = assign(builds.into_iter());
        assert!(lanes.iter().all(|lane| lane.of == MOST && lane.index < MOST));
        assert_eq!(lanes[5].index, MOST - 1);
    }
}
