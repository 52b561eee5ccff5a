"""The Python of Dagster's page "Asset Observations", in its order: only the import says `upwell`.

What reads the data, which the page leaves out, is in `dataset.py` beside this file. What comes after the page's last
line is downstream of its source: the page speaks of it and does not show it.
"""

from hashlib import sha256

from dataset import (
    calculate_bytes,
    persist_to_storage,
    read_df,
    read_df_for_date,
    read_some_file,
    words_of,
)

from upwell import (
    AssetObservation,
    AutoMaterializePolicy,
    Config,
    DataVersion,
    MaterializeResult,
    MetadataValue,
    ScheduleDefinition,
    asset,
    define_asset_job,
    observable_source_asset,
    op,
)


@op
def observation_op(context):
    df = read_df()
    context.log_event(AssetObservation(asset_key="observation_asset", metadata={"num_rows": len(df)}))
    return 5


@op
def observes_dataset_op(context):
    df = read_df()
    remote_storage_path = persist_to_storage(df)
    context.log_event(
        AssetObservation(
            asset_key="observation_asset",
            metadata={
                "text_metadata": "Text-based metadata for this event",
                "path": MetadataValue.path(remote_storage_path),
                "dashboard_url": MetadataValue.url("http://mycoolsite.com/url_for_my_data"),
                "size (bytes)": calculate_bytes(df),
            },
        )
    )
    return remote_storage_path


class MyOpConfig(Config):
    date: str


@op
def partitioned_dataset_op(context, config: MyOpConfig):
    partition_date = config.date
    df = read_df_for_date(partition_date)
    context.log_event(AssetObservation(asset_key="my_partitioned_dataset", partition=partition_date))
    return df


@observable_source_asset
def foo_source_asset():
    content = read_some_file()
    hash_sig = sha256()
    hash_sig.update(bytearray(content, "utf8"))
    return DataVersion(hash_sig.hexdigest())


observation_job = define_asset_job("observation_job", [foo_source_asset])

# schedule that will run the observation on foo_source_asset every day
observation_schedule = ScheduleDefinition(
    name="observation_schedule",
    job=observation_job,
    cron_schedule="@daily",
)


# --- downstream of the page's source ---


@asset(deps=[foo_source_asset])
def foo_report():
    """Labelled when the source has changed; a person decides when it is built."""
    return MaterializeResult(metadata={"words": words_of(read_some_file())})


@asset(deps=[foo_source_asset], auto_materialize_policy=AutoMaterializePolicy.eager())
def foo_index():
    """Built by itself when the source has changed."""
    return MaterializeResult(metadata={"words": words_of(read_some_file())})
