// How many connections more are worth opening to a server while mailboxes wait for one. Pure; knows no session.

/** How many connections more are worth opening. */
export type LanesWanted = (
  demand: {
    /** Mailboxes that have to wait for a connection, one round trip each. */
    readonly waiting: number;
    /** Connections that are open or being opened. */
    readonly open: number;
    readonly roundTripMs: number;
  },
) => number;

/** Connect, greeting, login: a new connection begins to help after so many round trips. */
const OPENING_ROUND_TRIPS = 3;
/** Less waiting than this is not worth a process on the server. */
const WORTHWHILE_MS = 100;

export const usualWanted: LanesWanted = ({ waiting, roundTripMs }) => {
  const late = waiting - OPENING_ROUND_TRIPS;
  return late * roundTripMs < WORTHWHILE_MS ? 0 : Math.ceil(late / OPENING_ROUND_TRIPS);
};
