// Streams and durables, kept as declared.
//
// Durables are made here and not by a subscription, because one that a
// subscription made would go away with it (docs/adr/0010, 0012). Every service
// declares its own in a file `jetstream.json`:
//
//   {"stream": {"name": "ORDER", "subjects": ["restaurant.order.>"]},
//    "durables": [{"stream": "COOK", "name": "order",
//                  "filter_subjects": ["restaurant.cook.cancelled"]}]}
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "platform/events/jetstream.h"

namespace platform::events {

struct StreamDeclaration {
  std::string name;
  std::vector<std::string> subjects;
};

struct DurableDeclaration {
  std::string stream;
  std::string name;
  std::vector<std::string> filter_subjects;
};

struct Declarations {
  std::vector<StreamDeclaration> streams;
  std::vector<DurableDeclaration> durables;
};

// Reads declaration files. Fails with `INVALID_ARGUMENT`, naming the file, if
// one cannot be read, has an unknown key, or declares what another one did.
absl::StatusOr<Declarations> ReadDeclarations(
    absl::Span<const std::string> files);

// What was missing, and what differed from its declaration, e.g. "durable cook
// of ORDER".
struct Provisioned {
  std::vector<std::string> created;
  std::vector<std::string> corrected;
};

// Creates what is missing and corrects what differs from its declaration, and
// adds that to `done` if given. What nobody declared is left alone. `replicas`
// is 1, 3 or 5. Returns the first thing that could not be kept, and why; the
// others were, unless that is `UNAVAILABLE`.
//
// Streams: limits retention, file storage, 7 days, a duplicate window of 2
// minutes, messages up to 256 KiB; deleting or purging messages is refused.
// Durables: pull, explicit acks within 30 s, from the first event kept, any
// number of deliveries, 2000 in flight.
absl::Status Provision(JetStream& jetstream, const Declarations& declarations,
                       int replicas, Provisioned* done = nullptr);

}  // namespace platform::events
