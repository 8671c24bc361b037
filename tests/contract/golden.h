// The golden events: see README.md.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "google/protobuf/message.h"

#include "platform/events/jetstream.h"

namespace contract {

// The folder that holds them.
extern const char kGoldenDir[];

struct Golden {
  std::string name;  // e.g. "restaurant.order.v1.Ordered/v1_plain"
  std::string type;  // e.g. "restaurant.order.v1.Ordered"
  std::string text;  // the .txtpb
  platform::events::InMessage wire;  // the .headers and the .pb
};

// What gtest prints.
void PrintTo(const Golden& golden, std::ostream* out);

// All of them, in the order of their names. Aborts if one cannot be read.
const std::vector<Golden>& AllGoldens();

// What a test is called by: names with nothing but letters and digits.
std::string TestName(const std::string& name);

// The value of a header, "" if there is none.
std::string HeaderOf(const Golden& golden, const std::string& name);

// An empty message of a type of ours; null if there is no such type (any more).
std::unique_ptr<google::protobuf::Message> NewMessage(const std::string& type);

// The golden's payload, read with today's protos.
std::unique_ptr<google::protobuf::Message> Parse(const Golden& golden);

// The snapshot that every event carries: its order, ticket or delivery.
google::protobuf::Message* SnapshotIn(google::protobuf::Message* event);

// The full names of all events that the protos declare today.
std::vector<std::string> AllEvents();

}  // namespace contract
