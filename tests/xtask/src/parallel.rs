//! Long jobs side by side, one on each core.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does `job` for every item, as many at a time as there are cores, and gives what they came to in the items' order. After
/// an error no further job begins.
///
/// # Errors
/// The first error in the items' order.
pub fn side_by_side<I, T>(items: Vec<I>, job: impl Fn(I) -> Result<T, String> + Sync) -> Result<Vec<T>, String>
where
    I: Send,
    T: Send,
{
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = cores.min(items.len());
    let waiting = Mutex::new(items.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    let work = || {
        loop {
            let failed = lock(&done).iter().any(|(_, result): &(usize, Result<T, String>)| result.is_err());
            let Some((index, item)) = lock(&waiting).next().filter(|_| !failed) else { return };
            let result = job(item);
            lock(&done).push((index, result));
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::side_by_side;

    #[test]
    fn results_come_in_the_items_order_and_an_error_is_given() {
        assert_eq!(side_by_side((0..50).collect(), |item| Ok(item * 2)), Ok((0..50).map(|item| item * 2).collect()));
        let failed = side_by_side((0..50).collect(), |item| if item == 7 { Err("seven".to_owned()) } else { Ok(item) });
        assert_eq!(failed, Err("seven".to_owned()));
    }
}
