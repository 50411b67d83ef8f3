//! The few calls of librdkafka that its Rust binding has not, or makes a panic of.
//!
//! All `unsafe` of this crate is here. Every pointer that is made here is given back here.

use std::{
    ffi::{CStr, CString, c_char},
    ptr,
    time::Duration,
};

use rdkafka::{
    bindings as native,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::RDKafkaErrorCode,
    message::BorrowedMessage,
    types::RDKafkaRespErr,
};

/// The ids of topics, by name; empty where a broker knows none (before 2.8). A topic that was deleted and created again
/// has another.
///
/// # Errors
/// Where the cluster does not say.
pub(crate) fn topic_ids<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    topics: &[&str],
    timeout: Duration,
) -> Result<Vec<(String, String)>, RDKafkaErrorCode> {
    let client = consumer.client().native_ptr();
    let names: Vec<CString> = topics.iter().filter_map(|topic| CString::new(*topic).ok()).collect();
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let milliseconds = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    let mut words: [c_char; 128] = [0; 128];
    // SAFETY: the client lives as long as `consumer`; the names outlive the call that copies them; options, collection,
    // queue and event are destroyed below, after the last use of what they own.
    unsafe {
        let collection = native::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        let options =
            native::rd_kafka_AdminOptions_new(client, native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS);
        native::rd_kafka_AdminOptions_set_request_timeout(options, milliseconds, words.as_mut_ptr(), words.len());
        let queue = native::rd_kafka_queue_new(client);
        native::rd_kafka_DescribeTopics(client, collection, options, queue);
        // The request's own timeout makes an event; the second is only for the case that it does not.
        let event = native::rd_kafka_queue_poll(queue, milliseconds.saturating_add(1000));
        let found = if event.is_null() { Err(RDKafkaErrorCode::OperationTimedOut) } else { described(event) };
        if !event.is_null() {
            native::rd_kafka_event_destroy(event);
        }
        native::rd_kafka_queue_destroy(queue);
        native::rd_kafka_AdminOptions_destroy(options);
        native::rd_kafka_TopicCollection_destroy(collection);
        found
    }
}

/// What an event says of topics.
///
/// # Safety
/// `event` is a result of `DescribeTopics` that has not been destroyed.
unsafe fn described(event: *mut native::rd_kafka_event_t) -> Result<Vec<(String, String)>, RDKafkaErrorCode> {
    // SAFETY: all pointers belong to the event, which the caller keeps; each is checked before it is read.
    unsafe {
        let error = native::rd_kafka_event_error(event);
        if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(error.into());
        }
        let result = native::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err(RDKafkaErrorCode::Fail);
        }
        let mut count = 0_usize;
        let topics = native::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
        let mut found = Vec::with_capacity(count);
        for index in 0..count {
            let topic = *topics.add(index);
            let error = native::rd_kafka_error_code(native::rd_kafka_TopicDescription_error(topic));
            if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Err(error.into());
            }
            let id = native::rd_kafka_TopicDescription_topic_id(topic);
            let id = if id.is_null() { String::new() } else { copied(native::rd_kafka_Uuid_base64str(id)) };
            // An id of zeros is none.
            let id = if id.trim_start_matches('A').is_empty() { String::new() } else { id };
            found.push((copied(native::rd_kafka_TopicDescription_name(topic)), id));
        }
        Ok(found)
    }
}

/// # Safety
/// `text` is null or ends with a zero byte.
unsafe fn copied(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: by the caller.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The end of a partition as the last fetch told it; none before the first. Asks no broker.
pub(crate) fn known_end<C: ConsumerContext>(consumer: &BaseConsumer<C>, topic: &CStr, partition: i32) -> Option<u64> {
    let (mut low, mut high) = (-1_i64, -1_i64);
    // SAFETY: the client lives as long as `consumer`, and the call only writes the two numbers.
    let error = unsafe {
        native::rd_kafka_get_watermark_offsets(
            consumer.client().native_ptr(),
            topic.as_ptr(),
            partition,
            &raw mut low,
            &raw mut high,
        )
    };
    if error == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR { u64::try_from(high).ok() } else { None }
}

/// The generation of the group that a member is of; negative for one that the group has not, or no longer, let in.
pub(crate) fn generation<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<i32> {
    /// What the written form begins with; the generation stands behind it, as the machine writes numbers.
    const MAGIC: &[u8] = b"CGMDv2:";
    let (mut buffer, mut length) = (ptr::null_mut(), 0_usize);
    // SAFETY: the client lives as long as `consumer`; metadata, error and buffer are given back here, after the last look at
    // the buffer's bytes, of which there are `length`.
    unsafe {
        let metadata = native::rd_kafka_consumer_group_metadata(consumer.client().native_ptr());
        if metadata.is_null() {
            return None;
        }
        let error = native::rd_kafka_consumer_group_metadata_write(metadata, &raw mut buffer, &raw mut length);
        native::rd_kafka_consumer_group_metadata_destroy(metadata);
        if !error.is_null() {
            native::rd_kafka_error_destroy(error);
            return None;
        }
        let bytes = std::slice::from_raw_parts(buffer.cast::<u8>(), length);
        let generation = bytes.strip_prefix(MAGIC).and_then(|rest| rest.first_chunk::<4>().copied());
        native::rd_kafka_mem_free(ptr::null_mut(), buffer);
        generation.map(i32::from_ne_bytes)
    }
}

/// Calls `each` with the name and the value of every header of a message. The binding's own way panics where a name is no
/// UTF-8, which one producer of the topic could use to stop every reader.
pub(crate) fn headers(message: &BorrowedMessage<'_>, mut each: impl FnMut(&[u8], &[u8])) {
    let mut list = ptr::null_mut();
    // SAFETY: the message lives through the call and owns the list, the names and the values; the pointers are read
    // before the next header is asked for.
    unsafe {
        if native::rd_kafka_message_headers(message.ptr(), &raw mut list) != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR
        {
            return;
        }
        for index in 0..native::rd_kafka_header_cnt(list) {
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0_usize);
            let error = native::rd_kafka_header_get_all(list, index, &raw mut name, &raw mut value, &raw mut length);
            if error != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
                return;
            }
            let value = if value.is_null() { &[] } else { std::slice::from_raw_parts(value.cast::<u8>(), length) };
            each(CStr::from_ptr(name).to_bytes(), value);
        }
    }
}
