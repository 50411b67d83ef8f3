//! Where a stretch of text ends when the blanks and comments behind its last token are left off.

use crate::ast::Comment;

/// The end of the last token in `start..end`; `comments` are all comments of the file in order.
pub(crate) fn trimmed_end(bytes: &[u8], comments: &[Comment], start: usize, end: usize) -> usize {
    let mut end = end;
    let mut left: Option<usize> = None;
    while end > start {
        if matches!(bytes.get(end - 1), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            end -= 1;
            continue;
        }
        // A comment can only end here if one does; look it up once and walk back from there.
        let count = *left.get_or_insert_with(|| comments.partition_point(|comment| (comment.span.end as usize) <= end));
        let Some(comment) = count.checked_sub(1).and_then(|last| comments.get(last)) else { break };
        if comment.span.end as usize != end {
            break;
        }
        left = Some(count - 1);
        end = comment.span.start as usize;
    }
    end.max(start)
}
