/**
 * Assigns partitions to the members that read their topic. The assigner of kafkajs gives every member partitions of all
 * topics of the leader, whether the member reads them or not.
 */
import { AssignerProtocol, type Cluster, type GroupMember, type PartitionAssigner } from 'kafkajs';

const NAME = 'tantieme-by-topic';
const VERSION = 0;

/** Round robin over the readers of each topic: partitions of the same number in two topics go to the same member. */
export const assignByTopic: PartitionAssigner = ({ cluster }) => ({
  name: NAME,
  version: VERSION,
  assign: async ({ members }) => {
    const readers = readersByTopic(members);
    await cluster.addMultipleTargetTopics([...readers.keys()]);
    const assigned = new Map<string, Record<string, number[]>>(members.map(({ memberId }) => [memberId, {}]));
    for (const [topic, memberIds] of readers)
      for (const partition of partitionsOf(cluster, topic)) {
        const memberId = memberIds[partition % memberIds.length] ?? '';
        ((assigned.get(memberId) ?? {})[topic] ??= []).push(partition);
      }
    return [...assigned].map(([memberId, assignment]) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({ version: VERSION, assignment, userData: NOTHING }),
    }));
  },
  protocol: ({ topics }) => ({
    name: NAME,
    metadata: AssignerProtocol.MemberMetadata.encode({ version: VERSION, topics, userData: NOTHING }),
  }),
});

const NOTHING = Buffer.alloc(0);

/** Readers are sorted, so that the order does not depend on which member is the leader. */
function readersByTopic(members: readonly GroupMember[]): ReadonlyMap<string, readonly string[]> {
  const readers = new Map<string, string[]>();
  for (const { memberId, memberMetadata } of members)
    for (const topic of AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? [])
      readers.set(topic, [...(readers.get(topic) ?? []), memberId].sort());
  return readers;
}

function partitionsOf(cluster: Cluster, topic: string): readonly number[] {
  return cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId);
}
