/**
 * The cost cells that the paper prints (Tables 2 and 9), by recipe mapping and method. Quoted, never computed with.
 */

/** Cells as printed, in the order of Table 9. */
export interface PaperCost {
  readonly localSteps: string;
  readonly rounds: string;
  /** Mean ± sample deviation where the paper gives one. */
  readonly localVocabSize: string;
  readonly embeddingParameters: string;
  /** M_k and its ratio to STD. */
  readonly parameters: string;
  readonly parametersRatio: string;
  readonly communication: string;
  readonly communicationRatio: string;
  /** Cells that do not follow from the paper's own inputs. */
  readonly slips?: readonly (keyof PaperCost)[];
}

export const paperCosts: Readonly<Record<string, Readonly<Record<string, PaperCost>>>> = {
  "multilingual-12": {
    "STD": {
      localSteps: "5e3",
      rounds: "1",
      localVocabSize: "250,112",
      embeddingParameters: "192M",
      parameters: "278M",
      parametersRatio: "1×",
      communication: "278M",
      communicationRatio: "1×",
    },
    "GLOB": {
      localSteps: "500",
      rounds: "10",
      localVocabSize: "250,112",
      embeddingParameters: "192M",
      parameters: "278M",
      parametersRatio: "1×",
      communication: "0.56M",
      communicationRatio: "0.002×",
    },
    "TRIM": {
      localSteps: "500",
      rounds: "10",
      localVocabSize: "216,135 ± 27,160",
      embeddingParameters: "166M",
      parameters: "252M",
      parametersRatio: "0.92×",
      communication: "0.5M",
      communicationRatio: "0.002×",
      slips: ["parametersRatio"],
    },
    "SPEC": {
      localSteps: "500",
      rounds: "10",
      localVocabSize: "216,135 ± 27,160",
      embeddingParameters: "166M",
      parameters: "252M",
      parametersRatio: "0.92×",
      communication: "0.17M",
      communicationRatio: "0.0006×",
      slips: ["parametersRatio"],
    },
    "SPEC-OPT": {
      localSteps: "500",
      rounds: "10",
      localVocabSize: "50,257 ± 0",
      embeddingParameters: "38.6M",
      parameters: "125M",
      parametersRatio: "0.45×",
      communication: "0.17M",
      communicationRatio: "0.0006×",
    },
  },
  "multilingual-24": {
    "STD": {
      localSteps: "7e3",
      rounds: "1",
      localVocabSize: "250,112",
      embeddingParameters: "512.2M",
      parameters: "1.71B",
      parametersRatio: "1×",
      communication: "1.71B",
      communicationRatio: "1×",
    },
    "SPEC-OPT": {
      localSteps: "500",
      rounds: "14",
      localVocabSize: "50,257 ± 0",
      embeddingParameters: "102.9M",
      parameters: "1.3B",
      parametersRatio: "0.76×",
      communication: "2.4M",
      communicationRatio: "0.001×",
    },
  },
  "multidomain-12": {
    "STD": {
      localSteps: "5e3",
      rounds: "1",
      localVocabSize: "50,257",
      embeddingParameters: "38.6M",
      parameters: "125M",
      parametersRatio: "1×",
      communication: "125M",
      communicationRatio: "1×",
    },
    "GLOB": {
      localSteps: "500",
      rounds: "10",
      localVocabSize: "50,257",
      embeddingParameters: "38.6M",
      parameters: "125M",
      parametersRatio: "1×",
      communication: "0.25M",
      communicationRatio: "0.002×",
    },
    "TRIM": {
      localSteps: "500",
      rounds: "10",
      localVocabSize: "45,554 ± 9,462",
      embeddingParameters: "35M",
      parameters: "121M",
      parametersRatio: "0.97×",
      communication: "0.24M",
      communicationRatio: "0.002×",
      slips: ["localVocabSize"],
    },
    "SPEC": {
      localSteps: "500",
      rounds: "10",
      localVocabSize: "45,554 ± 9,462",
      embeddingParameters: "35M",
      parameters: "121M",
      parametersRatio: "0.97×",
      communication: "0.17M",
      communicationRatio: "0.001×",
      slips: ["localVocabSize"],
    },
  },
  "multidomain-24": {
    "STD": {
      localSteps: "13.5e3",
      rounds: "1",
      localVocabSize: "50,257",
      embeddingParameters: "51.4M",
      parameters: "350M",
      parametersRatio: "1×",
      communication: "350M",
      communicationRatio: "1×",
      slips: ["embeddingParameters"],
    },
    "GLOB": {
      localSteps: "500",
      rounds: "27",
      localVocabSize: "50,257",
      embeddingParameters: "51.4M",
      parameters: "350M",
      parametersRatio: "1×",
      communication: "0.7M",
      communicationRatio: "0.002×",
      slips: ["embeddingParameters"],
    },
    "TRIM": {
      localSteps: "500",
      rounds: "27",
      localVocabSize: "45,554 ± 9,462",
      embeddingParameters: "46.6M",
      parameters: "345.2M",
      parametersRatio: "0.97×",
      communication: "0.69M",
      communicationRatio: "0.002×",
      slips: ["localVocabSize", "parametersRatio"],
    },
    "SPEC": {
      localSteps: "500",
      rounds: "27",
      localVocabSize: "45,554 ± 9,462",
      embeddingParameters: "46.6M",
      parameters: "345.2M",
      parametersRatio: "0.97×",
      communication: "0.6M",
      communicationRatio: "0.002×",
      slips: ["localVocabSize", "parametersRatio"],
    },
  },
};
