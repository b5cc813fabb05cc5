/** Consumer groups of rewards. */
export const GROUPS = { commissions: 'rewards', partners: 'rewards-partners' } as const;
