// Every text a person reads, in both languages, and how times are written.
// A test compares the two lists.

const texts = {
  en: {
    'brand': 'Restaurant',
    'skip': 'Skip to the content',
    'nav': 'Views',
    'nav.customer': 'My orders',
    'nav.kitchen': 'Kitchen',
    'nav.courier': 'Courier',
    'language': 'Language',
    'signOut': 'Sign out',
    'who.customer': (id) => `Customer ${id}`,
    'who.kitchen': (id) => `Restaurant ${id}`,
    'who.courier': () => 'Courier',
    'who.operator': () => 'Operator',

    'live.on': 'Live',
    'live.off': 'Reconnecting …',
    'live.down': (time) =>
      `We cannot see how your orders get on right now; what you see is from ${time}. Ordering and cancelling still work, and this page catches up by itself.`,
    'live.never': 'We cannot see how your orders get on right now. Ordering still works, and this page catches up by itself.',

    'order.title': 'New order',
    'order.restaurant': 'Restaurant no.',
    'order.dish': 'Dish',
    'order.qty': 'Portions',
    'order.less': 'One less',
    'order.more': 'One more',
    'order.submit': 'Order',
    'order.sending': 'Sending …',
    'order.again': 'Try again',
    'order.placed': (dish, qty) => `Ordered: ${dish} × ${qty}`,
    'order.busy': (seconds) => `We are very busy just now and did not take this order. Please order again in ${seconds} s.`,
    'order.closed': (seconds) => `Orders cannot be taken for a moment. Please try again in ${seconds} s; it will be ordered once.`,
    'order.free': 'Thank you for waiting. Please order again now.',
    'order.unknown': 'No answer came, so we do not know whether it was ordered. Trying again is safe: it will be ordered once.',

    'orders.title': 'My orders',
    'orders.none': 'No orders yet. The first one will appear here and stay up to date by itself.',
    'orders.loading': 'Loading …',
    'card.dish': (dish, qty) => `${dish} × ${qty}`,
    'card.from': (restaurant, time) => `${restaurant} · ${time}`,
    'card.progress': 'Progress',
    'card.timeline': 'What happened so far',
    'card.number': (id) => `Order no. ${id}`,
    'card.cancel': 'Cancel this order',

    'step.ordered': 'Ordered',
    'step.cooking': 'Cooking',
    'step.cooked': 'Cooked',
    'step.onway': 'On the way',
    'step.delivered': 'Delivered',
    'step.soldout': 'Sold out',
    'step.cancelled': 'Cancelled',
    'step.done': '(done)',
    'step.now': '(now)',

    'stage.ordered': 'The kitchen will start in a moment.',
    'stage.waiting': 'The kitchen has not taken it up yet. Your order is safe; it will be cooked as soon as the kitchen is back.',
    'stage.cooking': 'The kitchen is cooking your order.',
    'stage.cooked': 'Done! A courier is about to pick it up.',
    'stage.onway': 'A courier is on the way to you.',
    'stage.delivered': 'Delivered. Enjoy your meal!',
    'stage.soldout': 'Sorry, there was not enough left of it. Nothing was cooked.',
    'stage.cancelled': 'Cancelled. It will not be cooked or delivered.',
    'stage.pending':
      'You asked to cancel, and the kitchen has not answered yet. It is neither cancelled nor certain to be cooked; we keep asking and tell you here.',
    'badge.pending': 'Waiting for the kitchen’s answer',

    'event.ORDERED': 'Ordered',
    'event.COOKING': 'Cooking began',
    'event.COOKED': 'Cooked',
    'event.DELIVERY_STARTED': 'Picked up by the courier',
    'event.DELIVERED': 'Delivered',
    'event.COMPLETED': 'Order complete',
    'event.CANCEL_PENDING': 'Cancel asked for',
    'event.CANCEL_REFUSED': 'Cancel refused',
    'event.CANCELLED': 'Order cancelled',
    'event.COOK_CANCELLED': 'Kitchen stopped',
    'event.QTY_OVER': 'Not enough left',
    'event.REJECTED': 'Order ended: sold out',
    'by.customer': 'you',
    'by.kitchen': 'kitchen',
    'by.courier': 'courier',
    'by.operator': 'staff',

    'cancel.title': 'Cancel this order?',
    'cancel.reason': 'Why? (may stay empty)',
    'cancel.yes': 'Cancel the order',
    'cancel.no': 'Keep it',
    'cancel.done': (dish) => `${dish}: cancelled.`,
    'cancel.pending': (dish) => `${dish}: the kitchen has not answered yet. We keep asking.`,
    'cancel.unknown': 'No answer came. This page will show whether it was cancelled.',
    'cancel.busy': (seconds) => `Too much to do just now. Please try again in ${seconds} s.`,

    'reason.QUANTITY_OVER': 'not enough left',
    'reason.ALREADY_COOKED': 'already cooked',

    'error.ALREADY_COOKED': 'Too late to cancel: it is cooked already.',
    'error.QUANTITY_OVER': 'It was sold out, so there is nothing to cancel.',
    'error.ORDER_COMPLETED': 'Too late to cancel: it was delivered.',
    'error.ORDER_REJECTED': 'It was sold out, so there is nothing to cancel.',
    'error.TICKET_CANCELLED': 'This order was cancelled in the meantime.',
    'error.ORDER_NOT_FOUND': 'There is no such order.',
    'error.INVALID_FIELD': 'Something you entered is not right. Please check it.',
    'error.offline': 'No connection. Please try again.',
    'error.401': 'You are not signed in, or your sign-in has expired.',
    'error.403': 'You may not do this.',
    'error.429': 'Too much to do just now. Please try again in a moment.',
    'error.503': 'This part of the restaurant is closed for a moment. Please try again shortly.',
    'error.504': 'No answer in time. This page will show what became of it.',
    'error.other': 'That did not work. Please try again.',

    'kitchen.title': 'Kitchen',
    'kitchen.restaurant': 'Restaurant no.',
    'kitchen.cooking': 'To cook',
    'kitchen.cooking.none': 'Nothing to cook just now.',
    'kitchen.recent': 'Latest tickets',
    'kitchen.recent.none': 'No tickets yet.',
    'kitchen.finish': 'Done',
    'kitchen.finish.of': (dish, qty) => `Done: ${dish} × ${qty}`,
    'kitchen.finished': (dish) => `${dish}: cooked.`,
    'kitchen.stock': 'Stock',
    'kitchen.stock.none': 'Nothing counted yet.',
    'kitchen.onHand': (dish) => `${dish}: portions on hand`,
    'kitchen.save': 'Save',
    'kitchen.save.of': (dish) => `Save: ${dish}`,
    'kitchen.saved': (dish, count) => `${dish}: ${count} on hand.`,
    'ticket.TICKET_STATUS_COOKING': 'Cooking',
    'ticket.TICKET_STATUS_COOKED': 'Cooked',
    'ticket.TICKET_STATUS_CANCELLED': 'Cancelled',
    'ticket.TICKET_STATUS_REJECTED': 'Sold out',

    'courier.title': 'Courier',
    'courier.open': 'On the way',
    'courier.open.none': 'Nothing to deliver just now.',
    'courier.done': 'Delivered lately',
    'courier.done.none': 'Nothing delivered yet.',
    'courier.complete': 'Handed over',
    'courier.complete.of': (dish, customer) => `Handed over: ${dish}, customer ${customer}`,
    'courier.completed': (dish) => `${dish}: delivered.`,
    'courier.to': (customer) => `for customer ${customer}`,
    'away': (part, time) => `${part} cannot be reached; what you see is from ${time}.`,
    'away.never': (part) => `${part} cannot be reached.`,
    'part.tickets': 'The kitchen’s service',
    'part.stock': 'The stock',
    'part.deliveries': 'The delivery service',

    'signIn.title': 'Sign in',
    'signIn.working': 'Signing you in …',
    'signIn.failed': 'This link does not work or has expired. Please ask for a new one.',
    'signIn.offline': 'No connection. Please open the link again.',
    'signIn.how': 'To sign in, open the address that this command prints:',
    'signIn.needed': 'Please sign in',
    'signIn.wrong': 'You are signed in, but not for this view.',

    'dish.1': 'Bibimbap',
    'dish.2': 'Kimchi stew',
    'dish.3': 'Bulgogi',
    'dish.4': 'Japchae',
    'dish.5': 'Seafood pancake',
    'dish.6': 'Cold noodles',
    'dish.other': (id) => `Dish ${id}`,
    'restaurant': (id) => `Restaurant ${id}`,
  },

  ko: {
    'brand': '레스토랑',
    'skip': '본문으로 건너뛰기',
    'nav': '화면',
    'nav.customer': '내 주문',
    'nav.kitchen': '주방',
    'nav.courier': '배달',
    'language': '언어',
    'signOut': '로그아웃',
    'who.customer': (id) => `고객 ${id}`,
    'who.kitchen': (id) => `${id}호점`,
    'who.courier': () => '배달원',
    'who.operator': () => '운영자',

    'live.on': '실시간',
    'live.off': '다시 연결하는 중 …',
    'live.down': (time) =>
      `지금은 진행 상황을 확인할 수 없어요. 아래는 ${time} 기준이에요. 주문과 취소는 그대로 할 수 있고, 연결되면 화면이 저절로 새로워져요.`,
    'live.never': '지금은 진행 상황을 확인할 수 없어요. 주문은 그대로 할 수 있고, 연결되면 화면이 저절로 새로워져요.',

    'order.title': '새 주문',
    'order.restaurant': '지점 번호',
    'order.dish': '메뉴',
    'order.qty': '수량',
    'order.less': '하나 빼기',
    'order.more': '하나 더하기',
    'order.submit': '주문하기',
    'order.sending': '보내는 중 …',
    'order.again': '다시 시도',
    'order.placed': (dish, qty) => `주문했어요: ${dish} ${qty}개`,
    'order.busy': (seconds) => `지금 주문이 너무 많아 이 주문은 받지 못했어요. ${seconds}초 뒤에 다시 주문해 주세요.`,
    'order.closed': (seconds) => `잠시 주문을 받을 수 없어요. ${seconds}초 뒤에 다시 시도해 주세요. 다시 눌러도 한 번만 주문돼요.`,
    'order.free': '기다려 주셔서 고마워요. 이제 다시 주문해 주세요.',
    'order.unknown': '응답이 없어서 주문이 들어갔는지 알 수 없어요. 다시 눌러도 한 번만 주문되니 안심하세요.',

    'orders.title': '내 주문',
    'orders.none': '아직 주문이 없어요. 주문하면 여기에 나타나고, 진행 상황이 저절로 바뀌어요.',
    'orders.loading': '불러오는 중 …',
    'card.dish': (dish, qty) => `${dish} ${qty}개`,
    'card.from': (restaurant, time) => `${restaurant} · ${time}`,
    'card.progress': '진행 상황',
    'card.timeline': '지금까지의 기록',
    'card.number': (id) => `주문 번호 ${id}`,
    'card.cancel': '주문 취소하기',

    'step.ordered': '주문 접수',
    'step.cooking': '조리 중',
    'step.cooked': '조리 완료',
    'step.onway': '배달 중',
    'step.delivered': '배달 완료',
    'step.soldout': '품절',
    'step.cancelled': '취소됨',
    'step.done': '(완료)',
    'step.now': '(현재)',

    'stage.ordered': '주방에서 곧 조리를 시작해요.',
    'stage.waiting': '주방에서 아직 확인하지 못했어요. 주문은 안전하게 보관 중이고, 주방이 돌아오는 대로 조리해요.',
    'stage.cooking': '주방에서 조리하고 있어요.',
    'stage.cooked': '조리가 끝났어요! 곧 배달을 시작해요.',
    'stage.onway': '배달원이 가고 있어요.',
    'stage.delivered': '배달이 끝났어요. 맛있게 드세요!',
    'stage.soldout': '죄송해요, 남은 수량이 부족했어요. 조리된 것은 없어요.',
    'stage.cancelled': '취소됐어요. 조리도 배달도 하지 않아요.',
    'stage.pending':
      '취소를 요청했지만 주방의 답을 아직 받지 못했어요. 취소된 것도, 조리하기로 정해진 것도 아니에요. 계속 물어보고 여기에 알려 드릴게요.',
    'badge.pending': '주방의 답을 기다리는 중',

    'event.ORDERED': '주문 접수',
    'event.COOKING': '조리 시작',
    'event.COOKED': '조리 완료',
    'event.DELIVERY_STARTED': '배달 출발',
    'event.DELIVERED': '배달 완료',
    'event.COMPLETED': '주문 완료',
    'event.CANCEL_PENDING': '취소 요청',
    'event.CANCEL_REFUSED': '취소 거절',
    'event.CANCELLED': '주문 취소',
    'event.COOK_CANCELLED': '조리 취소',
    'event.QTY_OVER': '수량 부족',
    'event.REJECTED': '품절로 주문 종료',
    'by.customer': '고객님',
    'by.kitchen': '주방',
    'by.courier': '배달원',
    'by.operator': '직원',

    'cancel.title': '이 주문을 취소할까요?',
    'cancel.reason': '취소 이유 (비워 두어도 돼요)',
    'cancel.yes': '주문 취소',
    'cancel.no': '그대로 두기',
    'cancel.done': (dish) => `${dish}: 취소됐어요.`,
    'cancel.pending': (dish) => `${dish}: 주방의 답을 아직 받지 못했어요. 계속 물어볼게요.`,
    'cancel.unknown': '응답이 없었어요. 취소됐는지는 이 화면에 나타나요.',
    'cancel.busy': (seconds) => `지금 너무 바빠요. ${seconds}초 뒤에 다시 시도해 주세요.`,

    'reason.QUANTITY_OVER': '수량 부족',
    'reason.ALREADY_COOKED': '이미 조리됨',

    'error.ALREADY_COOKED': '이미 조리가 끝나서 취소할 수 없어요.',
    'error.QUANTITY_OVER': '품절된 주문이라 취소할 것이 없어요.',
    'error.ORDER_COMPLETED': '이미 배달돼서 취소할 수 없어요.',
    'error.ORDER_REJECTED': '품절된 주문이라 취소할 것이 없어요.',
    'error.TICKET_CANCELLED': '그사이에 취소된 주문이에요.',
    'error.ORDER_NOT_FOUND': '그런 주문이 없어요.',
    'error.INVALID_FIELD': '입력한 내용이 올바르지 않아요. 확인해 주세요.',
    'error.offline': '연결되지 않았어요. 다시 시도해 주세요.',
    'error.401': '로그인하지 않았거나 로그인이 만료됐어요.',
    'error.403': '권한이 없어요.',
    'error.429': '지금 너무 바빠요. 잠시 뒤에 다시 시도해 주세요.',
    'error.503': '이 기능은 잠시 멈춰 있어요. 조금 뒤에 다시 시도해 주세요.',
    'error.504': '제때 응답이 없었어요. 결과는 이 화면에 나타나요.',
    'error.other': '처리하지 못했어요. 다시 시도해 주세요.',

    'kitchen.title': '주방',
    'kitchen.restaurant': '지점 번호',
    'kitchen.cooking': '조리할 주문',
    'kitchen.cooking.none': '지금은 조리할 주문이 없어요.',
    'kitchen.recent': '최근 주문',
    'kitchen.recent.none': '아직 주문이 없어요.',
    'kitchen.finish': '조리 완료',
    'kitchen.finish.of': (dish, qty) => `조리 완료: ${dish} ${qty}개`,
    'kitchen.finished': (dish) => `${dish}: 조리 완료.`,
    'kitchen.stock': '재고',
    'kitchen.stock.none': '아직 등록된 재고가 없어요.',
    'kitchen.onHand': (dish) => `${dish} 재고 수량`,
    'kitchen.save': '저장',
    'kitchen.save.of': (dish) => `저장: ${dish}`,
    'kitchen.saved': (dish, count) => `${dish}: 재고 ${count}개.`,
    'ticket.TICKET_STATUS_COOKING': '조리 중',
    'ticket.TICKET_STATUS_COOKED': '조리 완료',
    'ticket.TICKET_STATUS_CANCELLED': '취소됨',
    'ticket.TICKET_STATUS_REJECTED': '품절',

    'courier.title': '배달',
    'courier.open': '배달 중',
    'courier.open.none': '지금은 배달할 주문이 없어요.',
    'courier.done': '최근 배달 완료',
    'courier.done.none': '아직 배달한 주문이 없어요.',
    'courier.complete': '전달 완료',
    'courier.complete.of': (dish, customer) => `전달 완료: ${dish}, 고객 ${customer}`,
    'courier.completed': (dish) => `${dish}: 배달 완료.`,
    'courier.to': (customer) => `고객 ${customer}`,
    'away': (part, time) => `${part}에 연결할 수 없어요. 아래는 ${time} 기준이에요.`,
    'away.never': (part) => `${part}에 연결할 수 없어요.`,
    'part.tickets': '주방 서비스',
    'part.stock': '재고 서비스',
    'part.deliveries': '배달 서비스',

    'signIn.title': '로그인',
    'signIn.working': '로그인하는 중 …',
    'signIn.failed': '사용할 수 없거나 만료된 링크예요. 새 링크를 받아 주세요.',
    'signIn.offline': '연결되지 않았어요. 링크를 다시 열어 주세요.',
    'signIn.how': '로그인하려면 이 명령이 알려 주는 주소를 여세요:',
    'signIn.needed': '로그인해 주세요',
    'signIn.wrong': '로그인했지만 이 화면의 권한이 아니에요.',

    'dish.1': '비빔밥',
    'dish.2': '김치찌개',
    'dish.3': '불고기',
    'dish.4': '잡채',
    'dish.5': '해물파전',
    'dish.6': '물냉면',
    'dish.other': (id) => `메뉴 ${id}`,
    'restaurant': (id) => `${id}호점`,
  },
};

export const languages = {en: 'English', ko: '한국어'};

// The server has chosen by Accept-Language; whoever has chosen here is obeyed.
let language = (languages[localStorage.language] && localStorage.language) ||
  document.documentElement.lang;
document.documentElement.lang = language;

export const currentLanguage = () => language;

export function chooseLanguage(name) {
  language = name;
  localStorage.language = name;
  document.documentElement.lang = name;
}

// The text for a key, '' if there is none.
export function t(key, ...values) {
  const text = texts[language][key] ?? '';
  return typeof text === 'function' ? text(...values) : text;
}

export const dishes = [1, 2, 3, 4, 5, 6];
export const dishName = (id) => t(`dish.${id}`) || t('dish.other', id);

// Codes of ours are told in words, customers' own words as they are.
export const reasonText = (reason) => t(`reason.${reason}`) || reason;

export function timeText(date) {
  const today = new Date().toDateString() === date.toDateString();
  return new Intl.DateTimeFormat(language, today
    ? {hour: 'numeric', minute: '2-digit'}
    : {month: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit'}).format(date);
}

export const exactTimeText = (date) => new Intl.DateTimeFormat(
  language, {hour: 'numeric', minute: '2-digit', second: '2-digit'}).format(date);
