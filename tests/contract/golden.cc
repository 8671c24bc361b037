#include "tests/contract/golden.h"

#include <algorithm>
#include <filesystem>
#include <ostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

#include "restaurant/cook/v1/cook_events.pb.h"
#include "restaurant/delivery/v1/delivery_events.pb.h"
#include "restaurant/order/v1/order_events.pb.h"
#include "tests/support/process.h"

namespace contract {
namespace {

namespace pb = ::google::protobuf;
using test_support::Die;
using test_support::ReadFile;

Golden Load(const std::filesystem::path& text_file) {
  const std::string stem =
      (text_file.parent_path() / text_file.stem()).string();
  Golden golden;
  golden.type = text_file.parent_path().filename().string();
  golden.name = absl::StrCat(golden.type, "/", text_file.stem().string());
  golden.text = ReadFile(text_file.string());
  golden.wire.payload = ReadFile(stem + ".pb");
  const std::string headers = ReadFile(stem + ".headers");
  for (const absl::string_view line :
       absl::StrSplit(headers, '\n', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> header =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    if (header.first == "subject") {
      golden.wire.subject = header.second;
    } else {
      golden.wire.headers.push_back(header);
    }
  }
  return golden;
}

}  // namespace

const char kGoldenDir[] = SOURCE_DIR "/tests/contract/golden";

void PrintTo(const Golden& golden, std::ostream* out) { *out << golden.name; }

const std::vector<Golden>& AllGoldens() {
  static const auto* const goldens = [] {
    auto* all = new std::vector<Golden>;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(kGoldenDir)) {
      if (entry.path().extension() == ".txtpb") {
        all->push_back(Load(entry.path()));
      }
    }
    std::sort(all->begin(), all->end(),
              [](const Golden& a, const Golden& b) { return a.name < b.name; });
    if (all->empty()) Die(absl::StrCat("no golden event in ", kGoldenDir));
    return all;
  }();
  return *goldens;
}

std::string TestName(const std::string& name) {
  std::string result;
  for (const char c : name) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      result += c;
    } else if (c != '_') {
      result += '_';
    }
  }
  return result;
}

std::string HeaderOf(const Golden& golden, const std::string& name) {
  return std::string(golden.wire.Header(name));
}

std::unique_ptr<pb::Message> NewMessage(const std::string& type) {
  AllEvents();  // links them
  const pb::Descriptor* descriptor =
      pb::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor == nullptr) return nullptr;
  return std::unique_ptr<pb::Message>(
      pb::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
}

std::unique_ptr<pb::Message> Parse(const Golden& golden) {
  std::unique_ptr<pb::Message> message = NewMessage(golden.type);
  if (message == nullptr || !message->ParseFromString(golden.wire.payload)) {
    Die(absl::StrCat(golden.name, " cannot be read"));
  }
  return message;
}

pb::Message* SnapshotIn(pb::Message* event) {
  const pb::FieldDescriptor* field = event->GetDescriptor()->field(0);
  if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) {
    Die(absl::StrCat(event->GetTypeName(), " does not begin with a snapshot"));
  }
  return event->GetReflection()->MutableMessage(event, field);
}

std::vector<std::string> AllEvents() {
  std::vector<std::string> names;
  for (const pb::FileDescriptor* file :
       {restaurant::order::v1::Ordered::descriptor()->file(),
        restaurant::cook::v1::Cooked::descriptor()->file(),
        restaurant::delivery::v1::Delivered::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      names.push_back(file->message_type(i)->full_name());
    }
  }
  return names;
}

}  // namespace contract
