//! Messages of the admin API as canonical proto3 JSON.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};

use crate::exit::{Failure, printable_json};

/// The JSON of `message`, whose full protobuf name is `name`; fields with default values are printed too.
///
/// # Errors
/// Where `name` is not the message's name.
pub fn of<M: Message>(name: &str, message: &M) -> Result<String, Failure> {
    write(name, message, serde_json::ser::PrettyFormatter::new())
}

/// The same on one line.
///
/// # Errors
/// Where `name` is not the message's name.
pub fn line<M: Message>(name: &str, message: &M) -> Result<String, Failure> {
    write(name, message, serde_json::ser::CompactFormatter)
}

fn write<M: Message>(
    name: &str,
    message: &M,
    formatter: impl serde_json::ser::Formatter,
) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::failed(format!("{name} as JSON: {error}"));
    let pool = DescriptorPool::decode(proto::FILE_DESCRIPTOR_SET).map_err(|error| failed(&error))?;
    let descriptor = pool.get_message_by_name(name).ok_or_else(|| failed(&"no such message"))?;
    let bytes = message.encode_to_vec();
    let dynamic = DynamicMessage::decode(descriptor, &*bytes).map_err(|error| failed(&error))?;
    let mut out = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    let options = SerializeOptions::new().skip_default_fields(false);
    dynamic.serialize_with_options(&mut serializer, &options).map_err(|error| failed(&error))?;
    let json = String::from_utf8(out).map_err(|error| failed(&error))?;
    Ok(printable_json(&json))
}
